import * as io from 'io-ts'
import t from 'tap'
import {
  behavior,
  id,
  inner,
  kind,
  message,
  mirrored,
  next,
  nodeProtocol,
  protocol,
  refuse,
  reply,
  supervisor,
  worker,
} from '../../../lib/index.js'
import { machine } from '../../../lib/api/machine.js'
import { stepper } from '../../../lib/api/stepper.js'
import { testCluster } from '../../../supervisors/testing.js'

const MatchId = id('MatchId')
const Match = protocol('match', MatchId, {
  Join: message({ player: io.string })
    .replies()
    .refuses(io.keyof({ RUNS: null, OVER: null })),
  Start: message()
    .replies()
    .refuses(io.keyof({ RUNS: null, OVER: null })),
  Players: message().reads(io.number),
  Note: message(),
})
const Own = inner(Match, { TooLong: message() })

const Open = io.type({ is: io.literal('open'), players: io.array(io.string) })
const Playing = io.type({ is: io.literal('playing'), players: io.array(io.string) })
const Over = io.type({ is: io.literal('over') })
const State = io.union([Open, Playing, Over])
type State = io.TypeOf<typeof State>

const on = machine(Match, Own)
  .over<State>()
  .states({
    open: {
      to: ['playing'],
      on: {
        Join: (state, { player }) => reply({ ...state, players: [...state.players, player] }),
        Start: (state) => reply({ is: 'playing', players: state.players }),
        Players: (state) => state.players.length,
      },
    },
    playing: {
      timeout: { afterMs: 60_000, message: Own.TooLong() },
      on: {
        TooLong: () => next({ is: 'over' }),
        Players: (state) => state.players.length,
        Join: () => refuse('RUNS'),
      },
    },
    over: { on: { Players: () => 0 } },
  })
  .otherwise({
    Join: (state) => refuse(state.is === 'over' ? 'OVER' : 'RUNS'),
    Start: () => refuse('OVER'),
    TooLong: (state) => next(state),
    Note: (state) => next(state),
  })
const match = kind(Match, {
  inner: Own,
  state: mirrored(State),
  init: () => ({ is: 'open' as const, players: [] }),
  on,
})

const timeout = {
  type: 'after',
  delayMs: 60_000,
  message: { kind: 'match', tag: 'TooLong', payload: undefined },
  name: 'state timeout',
}

t.test('each state takes its own messages, and otherwise the rest', async (t) => {
  const m = stepper(match, MatchId('m'))
  t.same(m.ask(Match.Join({ player: 'ada' })), { reply: undefined })
  t.same(m.actions, [], 'a step that stays in its state arms nothing')
  t.same(m.ask(Match.Players()), { reply: 1 })
  t.same(m.ask(Match.Start()), { reply: undefined })
  t.same(m.actions, [timeout], 'the timeout is armed on entering')
  t.same(m.ask(Match.Join({ player: 'bob' })), { refusal: 'RUNS' })
  t.same(m.ask(Match.Start()), { refusal: 'OVER' })
  m.tell(Own.TooLong())
  t.same(m.actions, [{ type: 'cancel', name: 'state timeout' }], 'and dropped on leaving')
  t.same(m.state, { is: 'over' })
  t.same(m.ask(Match.Join({ player: 'bob' })), { refusal: 'OVER' })
})

const Door = nodeProtocol('door', {
  Push: message(),
  Lock: message(),
  Slam: message(),
  Is: message().replies(io.string),
})
type DoorState =
  | { readonly is: 'shut' }
  | { readonly is: 'ajar'; readonly pushed: number }
  | { readonly is: 'locked' }

const door = (said: string[]) =>
  behavior(Door, {
    init: (): DoorState => ({ is: 'shut' }),
    on: machine(Door)
      .over<DoorState>()
      .states({
        shut: {
          to: ['ajar', 'locked'],
          leave: () => {
            said.push('leaves shut')
            return []
          },
          on: {
            Push: async () => next({ is: 'ajar', pushed: 1 }),
            Lock: () => next({ is: 'locked' }),
            Is: (state) => reply(state, 'shut'),
          },
        },
        ajar: {
          timeout: ({ pushed }) => ({ afterMs: pushed * 1_000, message: Door.Slam() }),
          enter: ({ pushed }) => {
            said.push(`enters ajar, pushed ${pushed}`)
            return []
          },
          on: {
            Slam: () => next({ is: 'shut' }),
            Push: ({ pushed }) => next({ is: 'ajar', pushed: pushed + 1 }),
            Is: (state) => reply(state, `ajar ${state.pushed}`),
          },
        },
        locked: { to: [], on: { Push: () => next({ is: 'ajar', pushed: 1 }) } },
      })
      .otherwise({
        Lock: (state) => next(state),
        Slam: (state) => next(state),
        Is: (state) => reply(state, state.is),
      }),
  })

t.test('an actor of the node changes behaviour, also after waiting', async (t) => {
  const said: string[] = []
  const cluster = await testCluster(t, {
    nodes: ['n1'],
    tree: () => supervisor('root', {}, [worker('door', door(said))]),
  })
  const ref = cluster.node.n1.local(Door)
  ref.tell(Door.Push())
  t.equal(await ref.ask(Door.Is()), 'ajar 1')
  ref.tell(Door.Push())
  await cluster.advance(999)
  t.equal(await ref.ask(Door.Is()), 'ajar 2')
  await cluster.advance(1)
  t.equal(await ref.ask(Door.Is()), 'shut', 'it was entered once, so its timeout counts from then')
  t.same(said, ['leaves shut', 'enters ajar, pushed 1'])
})

t.test('a step to a state that `to` does not name is a crash with a sentence', async (t) => {
  const cluster = await testCluster(t, {
    nodes: ['n1'],
    tree: () => supervisor('root', {}, [worker('door', door([]))]),
  })
  const errors: unknown[] = []
  cluster.node.n1.listen(({ tag, fields }) => {
    if (tag === 'ActorCrashed') errors.push(fields['error'])
  })
  const ref = cluster.node.n1.local(Door)
  ref.tell(Door.Lock())
  ref.tell(Door.Push())
  t.equal(await ref.ask(Door.Is()), 'shut', 'its supervisor began it again')
  t.match(errors, [{ message: 'Push took "door" from "locked" to "ajar"; declared are: none.' }])
})

t.test('what is missing or unknown is named when the machine is declared', async (t) => {
  const of = (states: object, otherwise: object) => () =>
    (machine(Door).over<DoorState>() as { states(states: object): { otherwise(handlers: object): unknown } })
      .states(states)
      .otherwise(otherwise)
  const all = { Push: 1, Lock: 1, Slam: 1, Is: 1 }
  t.throws(of({ shut: { on: { Push: 1 } } }, { Lock: 1, Is: 1 }), {
    message: 'The machine of "door": neither its state "shut" nor otherwise takes Slam.',
  })
  t.throws(of({ shut: { on: { Kick: 1 } } }, all), {
    message: 'The machine of "door": "shut" handles Kick, which is not declared.',
  })
  t.throws(of({ shut: { on: {} } }, { ...all, Kick: 1 }), {
    message: 'The machine of "door": "otherwise" handles Kick, which is not declared.',
  })
  t.throws(of({ shut: { to: ['open'], on: all } }, {}), {
    message: 'The machine of "door": "shut" leads to "open", no state.',
  })
  t.throws(of({}, all), { message: /^The machine of "door": it has no states/ })
  t.throws(of({ shut: null }, all), { message: /"shut": expected an object/ })
  t.throws(of({ shut: { on: { Push: 1 } } }, all), { message: /"shut": Push: expected a function\./ })
  t.throws(of({ shut: { on: {}, leave: 1 } }, all), { message: /"shut": leave: expected a function/ })
  const timeout = (given: unknown, sentence: RegExp) =>
    t.throws(of({ shut: { timeout: given, on: {} } }, all), { code: 'InvalidDeclaration', message: sentence })
  timeout(null, /"shut": timeout: expected \{ afterMs, message \}/)
  for (const afterMs of [undefined, -1, Number.NaN, '5']) {
    timeout({ afterMs, message: Door.Slam() }, /"shut": timeout: afterMs: expected milliseconds, 0 or more/)
  }
  timeout({ afterMs: 1 }, /timeout: message: expected what a constructor/)
  timeout({ afterMs: 1, message: { kind: 'door', tag: 'Slam' } }, /message: expected what a constructor/)
  timeout({ afterMs: 1, message: Door.Is() }, /message: Is is an ask/)
  timeout({ afterMs: 1, message: Match.Note() }, /message: match\.Note belongs to another protocol/)
})

t.test('the compiler knows each state, and what is left for otherwise', async (t) => {
  const typed = () => {
    const states = machine(Match, Own).over<State>()
    const some = states.states({
      open: { on: { Players: (state) => state.players.length } },
      playing: { on: { Players: (state) => state.players.length } },
      // @ts-expect-error: a state that is over has no players
      over: { on: { Players: (state) => state.players.length } },
    })
    // @ts-expect-error: there is no state "paused"
    states.states({ open: { on: {}, to: ['paused'] }, playing: { on: {} }, over: { on: {} } })
    // @ts-expect-error: a state without a definition
    states.states({ open: { on: {} }, playing: { on: {} } })
    // @ts-expect-error: no state takes Note
    states.states({ open: { on: {} }, playing: { on: {} }, over: { on: {} } }).otherwise({})
    return some
  }
  t.type(typed, 'function')
})
