/**
 * What the compiler must refuse, and what it must infer. Each line below an expectation must not compile;
 * an unused expectation fails `tsc`. The functions of this file are never called: they exist for the
 * compiler alone.
 */
import { pipe } from 'fp-ts/lib/function.js'
import * as TE from 'fp-ts/lib/TaskEither.js'
import * as io from 'io-ts'
import { readFileSync } from 'node:fs'
import type { Socket } from 'node:net'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import ts from 'typescript'
import {
  act,
  answerTo,
  asked,
  behavior,
  disposable,
  entities,
  id,
  inner,
  isUndeliverable,
  kind,
  message,
  mirrored,
  next,
  nodeMessage,
  nodeProtocol,
  protocol,
  putOff,
  refuse,
  refused,
  reply,
  stash,
  supervisor,
  topic,
  worker,
  type Address,
  type AskError,
  type Asked,
  type EntitiesPage,
  type EntityEvent,
  type Handlers,
  type LocalRef,
  type Ref,
  type Refused,
  type Self,
  type Spawned,
  type TumenNode,
  type Undeliverable,
} from '../lib/index.js'
import { stepper } from '../lib/api/stepper.js'
import * as fp from '../supervisors/fp.js'

const PlayerId = id('PlayerId')
type PlayerId = io.TypeOf<typeof PlayerId>
const PartyId = id('PartyId')
type PartyId = io.TypeOf<typeof PartyId>
type EntityResync = Extract<EntityEvent<PartyId>, { readonly type: 'resync' }>['reason']
const alice = PlayerId('alice')

const View = io.type({ leader: PlayerId, version: io.number })
type View = io.TypeOf<typeof View>
const Refusal = io.type({ code: io.keyof({ NOT_INVITED: null, PARTY_FULL: null }) })
type Refusal = io.TypeOf<typeof Refusal>

const Slot = protocol('player-slot', PlayerId, {
  Claim: message({ party: PartyId }).replies().refuses(io.literal('TAKEN')),
  Release: message({ party: PartyId }),
})
const Party = protocol('party', PartyId, {
  Create: message({ by: PlayerId }).replies(View).refuses(Refusal),
  Accept: message({ player: PlayerId }).replies(View).refuses(Refusal),
  Touch: message().replies(),
  Info: message().reads(View),
  Chat: message({ from: PlayerId, text: io.string }),
})
const Own = inner(Party, {
  InviteExpired: message({ target: PlayerId }),
  SlotAnswered: answerTo(Slot.Claim, { player: PlayerId, accept: asked(Party.Accept) }),
})
const Counter = protocol('counter', id('CounterId'), {
  Add: message({ n: io.number }),
  Total: message().reads(io.number),
  Take: message({ n: io.number }).replies(io.number).refuses(io.literal('TOO_FEW')),
})
const party = kind(Party, {
  state: mirrored(View),
  inner: Own,
  init: () => ({ leader: alice, version: 0 }),
  on: {
    Create: (state) => reply(state, state),
    Accept: (state) => putOff(state),
    Touch: (state) => reply(state),
    Info: (state) => state,
    Chat: (state) => next(state),
    InviteExpired: (state) => next(state),
    SlotAnswered: (state) => next(state),
  },
})
const Coordinator = nodeProtocol('coordinator', {
  Greeted: message().replies(io.number),
  Count: message().reads(io.number),
  Wave: message(),
  Attach: nodeMessage<{ player: PlayerId; socket: Socket }>(),
})
const coordinator = behavior(Coordinator, {
  init: () => 0,
  on: {
    Greeted: async (state, _, self) => (self.now > 0 ? reply(state, state) : putOff(state)),
    Count: (state) => state,
    Wave: (state) => next(state),
    Attach: (state) => next(state),
  },
})
const PartyChat = topic.cluster('party-chat', io.type({ party: PartyId, from: PlayerId, text: io.string }))
const LoggedIn = topic.origin('logged-in', io.type({ player: PlayerId }))
const Connected = topic.node<{ player: PlayerId; socket: Socket }>('connected')

type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false
const same = <A, B>(_: Same<A, B>): void => undefined
const counts = (on: Handlers<typeof Counter, number>) => on

const inferred = (node: TumenNode, p: Ref<'party'>, here: LocalRef<'coordinator'>, error: unknown) => {
  const viewed = p.ask(Party.Accept({ player: alice }))
  same<typeof viewed, Promise<View>>(true)
  const touched = p.ask(Party.Touch())
  same<typeof touched, Promise<void>>(true)
  const read = p.ask(Party.Info(), { timeoutMs: 500 })
  same<typeof read, Promise<View>>(true)
  const greeted = here.ask(Coordinator.Greeted())
  same<typeof greeted, Promise<number>>(true)
  const counted = node.remote('n2#1', Coordinator).ask(Coordinator.Count())
  same<typeof counted, Promise<number>>(true)
  const spawned = node.spawn(party, PartyId('p1'))
  same<typeof spawned, Promise<Spawned<'party'>>>(true)
  const listed = node.entities(party, { limit: 10 })
  same<typeof listed, Promise<EntitiesPage<PartyId>>>(true)
  const ended = node.terminate(party, PartyId('p1'))
  same<typeof ended, Promise<'stopped' | 'not-found'>>(true)
  node.watchEntities(party, (event) => {
    if (event.type === 'resync') same<typeof event.reason, EntityResync>(true)
    else same<typeof event.id, PartyId>(true)
  })
  const address = Party.at(PartyId('p1'))
  same<typeof address.kind, 'party'>(true)
  const elsewhere = Coordinator.on('n2')
  same<typeof elsewhere, Address<'coordinator'>>(true)
  act.tell(elsewhere, Coordinator.Wave())
  if (refused(error, Party.Accept)) same<typeof error.reason.refusal, Refusal>(true)
}

const inferredFp = (node: TumenNode, p: Ref<'party'>) => {
  const accepted = pipe(p, fp.ask(Party.Accept({ player: alice })))
  same<typeof accepted, TE.TaskEither<AskError | Refused<Refusal>, View>>(true)
  const info = pipe(p, fp.ask(Party.Info()))
  same<typeof info, TE.TaskEither<AskError, View>>(true)
  const opened = pipe(
    node,
    fp.spawn(party, PartyId('p1')),
    TE.flatMap(({ ref }) => pipe(ref, fp.ask(Party.Create({ by: alice })))),
    TE.map((view) => view.leader),
  )
  same<typeof opened, TE.TaskEither<AskError | Refused<Refusal>, PlayerId>>(true)
  // @ts-expect-error data last: a tell has no reply
  pipe(p, fp.ask(Party.Chat({ from: alice, text: 'hi' })))
  // @ts-expect-error a message of another kind
  pipe(p, fp.ask(Slot.Claim({ party: PartyId('p1') })))
}

const inferredStepper = () => {
  const s = stepper(party, PartyId('p1'))
  const out = s.ask(Party.Accept({ player: alice }))
  same<typeof out, { readonly reply: View } | { readonly refusal: Refusal } | { readonly putOff: true }>(true)
  s.tell(Own.InviteExpired({ target: alice }))
  // @ts-expect-error another kind's message
  s.ask(Slot.Claim({ party: PartyId('p1') }))
  // @ts-expect-error the wrong brand of id
  stepper(party, alice)
}

const wrongMessages = (node: TumenNode, p: Ref<'party'>, accept: Asked<View, Refusal>) => {
  // @ts-expect-error a slot's message told to a party
  p.tell(Slot.Release({ party: PartyId('p1') }))
  // @ts-expect-error a plain id where a PlayerId belongs
  p.tell(Party.Chat({ from: 'alice', text: 'hi' }))
  // @ts-expect-error a PlayerId where a PartyId belongs
  node.ref(Party, alice)
  // @ts-expect-error a missing field
  p.tell(Party.Chat({ from: alice }))
  // @ts-expect-error an unknown field
  p.tell(Party.Chat({ from: alice, text: 'hi', colour: 'red' }))
  // @ts-expect-error no such message
  Party.Jump({})
  // @ts-expect-error an ask told, so its reply would be lost
  p.tell(Party.Accept({ player: alice }))
  // @ts-expect-error a read told, so its reply would be lost
  p.tell(Party.Info())
  // @ts-expect-error a tell asked, so the caller would wait for ever
  p.ask(Party.Chat({ from: alice, text: 'hi' }))
  // @ts-expect-error only the party itself sends its inner messages
  p.tell(Own.InviteExpired({ target: alice }))
  // @ts-expect-error a continuation is not a message
  p.tell(Own.SlotAnswered({ player: alice, accept }))
  // @ts-expect-error a literal that no constructor made
  p.tell({ kind: 'party', tag: 'Chat', payload: { from: alice, text: 'hi' } })
}

const wrongScope = (node: TumenNode, socket: Socket) => {
  const here: LocalRef<'coordinator'> = node.local(Coordinator)
  const there: Ref<'coordinator'> = node.remote('n2', Coordinator)
  here.tell(Coordinator.Attach({ player: alice, socket }))
  // @ts-expect-error a node message to another node
  there.tell(Coordinator.Attach({ player: alice, socket }))
  const anywhere: Ref<'coordinator'> = here
  // @ts-expect-error a local ref that was widened has lost its node
  anywhere.tell(Coordinator.Attach({ player: alice, socket }))
  // @ts-expect-error a remote ref is not a local one
  const wrong: LocalRef<'coordinator'> = there
  // @ts-expect-error an actor of the node has no ids
  node.ref(Coordinator, 'c1')
  // @ts-expect-error nor an address by one
  Coordinator.at('c1')
  // @ts-expect-error an entity is not on a node that one could name
  Party.on('n2')
  // @ts-expect-error what never leaves its node is not told to another one
  act.tell(Coordinator.on('n2'), Coordinator.Attach({ player: alice, socket }))
  // @ts-expect-error the address of one actor, the message of another
  act.tell(Coordinator.on('n2'), Party.Chat({ from: alice, text: 'hi' }))
  // @ts-expect-error an entity may live anywhere, so its protocol holds nothing that cannot travel
  protocol('session', PlayerId, { Attach: nodeMessage<{ socket: Socket }>() })
  // @ts-expect-error a socket has no codec whose output can travel
  message({ socket: {} as io.Type<Socket> })
  // @ts-expect-error nor can it be a reply
  message().replies({} as io.Type<Socket>)
  // @ts-expect-error a function likewise
  topic.cluster('hooks', {} as io.Type<() => void>)
  // @ts-expect-error nor can it be mirrored
  mirrored({} as io.Type<{ socket: Socket }>)
  // @ts-expect-error tags are PascalCase
  nodeProtocol('x', { attach: message() })
  return wrong
}

const wrongTopics = (node: TumenNode, socket: Socket) => {
  node.publish(PartyChat, { party: PartyId('p1'), from: alice, text: 'hi' })
  node.publish(Connected, { player: alice, socket })
  node.subscribe(LoggedIn, ({ player }, from) => [player, from.isHere])
  // @ts-expect-error a wrong payload
  node.publish(LoggedIn, { player: 'alice' })
  // @ts-expect-error only an origin topic says where it happened
  node.subscribe(PartyChat, ({ text }, from) => void [text, from])
  // @ts-expect-error a pure step publishes the whole payload
  act.publish(PartyChat, { party: PartyId('p1') })
  coordinator.hears(LoggedIn, (count, _, from) => next(from.isHere ? count + 1 : count))
  // @ts-expect-error a hearer decides a next state of the actor
  coordinator.hears(PartyChat, (_, { text }) => next(text))
}

const wrongHandlers = () => {
  const Add: Handlers<typeof Counter, number>['Add'] = (s, { n }) => next(s + n)
  const Total = (s: number) => s
  const Take = (s: number) => reply(s, s)
  counts({ Add, Total, Take: (s, { n }) => (n > s ? refuse('TOO_FEW') : reply(s - n, s - n)) })
  // @ts-expect-error a missing handler
  counts({ Add, Total })
  // @ts-expect-error a handler for nothing
  counts({ Add, Total, Take, Jump: (s: number) => next(s) })
  // @ts-expect-error an ask without a reply
  counts({ Add, Total, Take: (s) => next(s) })
  // @ts-expect-error a reply of the wrong type
  counts({ Add, Total, Take: (s) => reply(s, 'seven') })
  // @ts-expect-error a refusal that the protocol does not declare
  counts({ Add, Total, Take: () => refuse('NOPE') })
  // @ts-expect-error a state of the wrong type
  counts({ Add: () => next('seven'), Total, Take })
  // @ts-expect-error a step that waits is not a step
  counts({ Add: async (s, { n }) => next(s + n), Total, Take })
  // @ts-expect-error a tell is not refused: nobody would hear it
  counts({ Add: () => refuse('TOO_FEW'), Total, Take })
}

const wrongReads = () => {
  const Add = (s: number) => next(s)
  const Take = (s: number) => reply(s, s)
  // @ts-expect-error a read gives back the value alone, so it cannot change the state
  counts({ Add, Take, Total: (s) => reply(s + 1, s) })
  // @ts-expect-error a read cannot ask the shell for anything
  counts({ Add, Take, Total: (s) => next(s, act.stop()) })
  // @ts-expect-error a read does not wait
  counts({ Add, Take, Total: async (s) => s })
  // @ts-expect-error a read of the wrong type
  counts({ Add, Take, Total: (s) => String(s) })
  // @ts-expect-error a read is not refused
  message().reads(io.number).refuses(io.string)
  // @ts-expect-error a read is answered at once, so it is never open
  counts({ Add, Take, Total: (_s, _, at) => at.asked })
}

const wrongKinds = () => {
  const on = counts({ Add: (s) => next(s), Total: (s) => s, Take: (s) => reply(s, s) })
  kind(Counter, { state: mirrored(io.number), init: () => 0, on })
  // @ts-expect-error available without merge
  kind(Counter, { consistency: 'available', state: disposable<number>(), init: () => 0, on })
  // @ts-expect-error an initial state of the wrong type
  kind(Counter, { state: mirrored(io.number), init: () => 'zero', on })
  // @ts-expect-error inner messages declared but not handled
  kind(Counter, { inner: inner(Counter, { Tick: message() }), state: mirrored(io.number), init: () => 0, on })
  // @ts-expect-error every kind says where its state comes from
  kind(Counter, { init: () => 0, on })
  // @ts-expect-error no such way to begin
  kind(Counter, { activate: 'always', state: mirrored(io.number), init: () => 0, on })
  const Took = inner(Counter, { Took: answerTo(Counter.Take, {}) }).Took
  // @ts-expect-error a continuation made for another ask
  act.command(Slot.at(alice), Slot.Claim({ party: PartyId('p') }), Took({}))
  const Claimed = inner(Counter, { Claimed: answerTo(Slot.Claim, {}) }).Claimed
  act.command(Slot.at(alice), Slot.Claim({ party: PartyId('p') }), Claimed({}))
  // @ts-expect-error a tell likewise
  act.tell(Party.at(PartyId('p')), Slot.Release({ party: PartyId('p') }))
  // @ts-expect-error a command goes to the kind that understands it
  act.command(Party.at(PartyId('p')), Slot.Claim({ party: PartyId('p') }), Claimed({}))
  // @ts-expect-error a command is an ask: a tell would never be answered
  act.command(Slot.at(alice), Slot.Release({ party: PartyId('p') }), Claimed({}))
  // @ts-expect-error only an ask can be left open
  asked(Party.Chat)
}

kind(Party, {
  state: mirrored(View),
  inner: Own,
  init: () => ({ leader: alice, version: 0 }),
  on: {
    Create: (state) => reply(state, state),
    Accept: (state) => putOff(state),
    Touch: (state) => reply(state),
    Info: (state) => state,
    Chat: (state) => next(state),
    InviteExpired: (state) => next(state),
    SlotAnswered: (state, { accept, answer }) => {
      if (answer._tag === 'Right') return next(state)
      // @ts-expect-error a command that came back is no refusal of the slot
      const code = answer.left.code
      if (isUndeliverable(answer.left)) {
        same<typeof answer.left, Undeliverable>(true)
        // @ts-expect-error nor one that the asker would understand
        return next(state, act.refuse(accept, answer.left))
      }
      same<typeof answer.left, 'TAKEN'>(true)
      return next(state)
    },
  },
})

const wrongSelves = (
  self: Self<'coordinator'>,
  here: LocalRef<'coordinator'>,
  far: Ref<'coordinator'>,
  socket: Socket,
) => {
  const asked = self.ask(here, Coordinator.Greeted())
  same<typeof asked, Promise<number>>(true)
  const own = self.ask(Coordinator.Count())
  same<typeof own, Promise<number>>(true)
  self.tell(Coordinator.Wave())
  self.tell(far, Coordinator.Wave())
  self.tell(here, Coordinator.Attach({ player: alice, socket }))
  self.monitor(here, ({ reason }) => (reason.tag === 'normal' ? Coordinator.Wave() : Coordinator.Wave()))
  // @ts-expect-error what never leaves its node, to an actor that may be on another
  self.tell(far, Coordinator.Attach({ player: alice, socket }))
  // @ts-expect-error a message of another protocol
  self.tell(here, Party.Touch())
  // @ts-expect-error what has a reply is asked
  self.tell(here, Coordinator.Greeted())
  // @ts-expect-error what has no reply is told
  self.ask(here, Coordinator.Wave())
  // @ts-expect-error a monitor tells this actor, in its own protocol
  self.monitor(here, () => Party.Touch())
  // @ts-expect-error only actors of this node are linked
  self.link(far)
  const on = { Greeted: () => reply(0, 0), Count: () => 0, Wave: () => next(0), Attach: () => next(0) }
  // @ts-expect-error no such policy
  behavior(Coordinator, { init: () => 0, on, mailbox: { overflow: 'block' } })
  // @ts-expect-error an ask is not left without an answer by setting it aside
  behavior(Coordinator, { init: () => 0, on: { ...on, Count: (n: number) => stash(n) } })
}

const wrongTrees = (node: TumenNode) => {
  worker('c', coordinator, { restart: 'transient', significant: true })
  // @ts-expect-error OTP: a permanent child cannot be significant
  worker('c', coordinator, { restart: 'permanent', significant: true })
  // @ts-expect-error no such strategy (OTP's spelling is kept)
  supervisor('s', { strategy: 'oneForOne' }, [])
  // @ts-expect-error an entity kind is not one worker
  worker('p', party)
  // @ts-expect-error an actor of the node is not a kind of entities
  entities(coordinator)
  // @ts-expect-error the wrong brand of id
  node.spawn(party, alice)
  // @ts-expect-error the wrong brand of id
  node.terminate(party, alice)
  // @ts-expect-error its name is not the kind
  node.entities('party')
  // @ts-expect-error a resync has no id
  node.watchEntities(party, (event) => event.id)
  // @ts-expect-error entities are declared with kind
  behavior(Party, { init: () => 0, on: {} })
}

/** For the compiler alone. */
const neverCalled = [
  inferred,
  inferredFp,
  inferredStepper,
  wrongMessages,
  wrongScope,
  wrongTopics,
  wrongHandlers,
  wrongReads,
  wrongKinds,
  wrongSelves,
  wrongTrees,
]

t.test('types – every expectation of this file is met by the compiler', async (t) => {
  const path = fileURLToPath(import.meta.url)
  const root = fileURLToPath(new URL('..', import.meta.url))
  const { config } = ts.readConfigFile(`${root}/tsconfig.json`, ts.sys.readFile)
  const { options } = ts.parseJsonConfigFileContent(config, ts.sys, root)
  const program = ts.createProgram([path], options)
  const found = ts.getPreEmitDiagnostics(program, program.getSourceFile(path))
  t.same(
    found.map((d) => ts.flattenDiagnosticMessageText(d.messageText, '\n')),
    [],
  )
  const text = readFileSync(path, 'utf8')
  const expectations = text.match(/^ +\/\/ @ts-expect-error \S/gm)?.length ?? 0
  const equalities = text.match(/^ +(if \(.*\) )?same</gm)?.length ?? 0
  t.equal(neverCalled.length, 11)
  t.ok(expectations >= 42, `${expectations} lines must not compile`)
  t.ok(equalities >= 10, `${equalities} inferred types are asserted equal`)
})
