import * as E from 'fp-ts/lib/Either.js'
import * as io from 'io-ts'
import t from 'tap'
import {
  AskFailed,
  disposable,
  id,
  kind,
  message,
  mirrored,
  Misuse,
  next,
  protocol,
  reply,
} from '../../../lib/index.js'
import { stepper } from '../../../lib/api/stepper.js'
import { Club, club, ClubId, Own, PlayerId, Slot } from '../../fixtures/api/club.js'

const [alice, bob] = [PlayerId('alice'), PlayerId('bob')]
const alone = () => stepper(club, ClubId('c1'))

const thrown = (fn: () => unknown): unknown => {
  try {
    fn()
  } catch (error) {
    return error
  }
  return undefined
}

t.test('stepper – a read answers from the state and asks the shell for nothing', async (t) => {
  const c = alone()
  c.tell(Club.Greet({ text: 'hi' }))
  t.same(c.ask(Club.Members()), { reply: [] })
  t.same(c.actions, [])
})

t.test('stepper – actions are plain data, oldest first', async (t) => {
  const c = alone()
  c.tell(Club.Greet({ text: 'hi' }), 5)
  t.strictSame(c.actions, [
    { type: 'publish', topic: 'chat', payload: { club: 'c1', text: 'hi' } },
    {
      type: 'after',
      delayMs: 1_000,
      message: { kind: 'club', tag: 'Greeted', payload: { text: 'hi' } },
      name: 'greeting',
    },
  ])
  c.tell(Own.Greeted({ text: 'hi' }))
  t.same(c.state, { members: [], greetings: 1 })
})

t.test('stepper – an ask that was put off is answered by its continuation', async (t) => {
  const c = alone()
  t.strictSame(c.ask(Club.Join({ player: alice })), { putOff: true })
  const then = { kind: 'club', tag: 'Claimed', payload: { player: 'alice', join: { asked: 'ask-1' } } }
  t.strictSame(c.actions, [
    {
      type: 'command',
      to: { kind: 'slot', id: 'alice' },
      message: { kind: 'slot', tag: 'Claim', payload: { club: 'c1' } },
      then,
    },
  ])
  c.continue(Own.Claimed({ player: alice, join: { asked: 'ask-1' } as never }), E.right(undefined))
  t.strictSame(c.actions, [{ type: 'answer', asked: 'ask-1', reply: 1 }])
  t.same(c.ask(Club.Members()), { reply: ['alice'] })
  c.ask(Club.Join({ player: bob }))
  c.continue(Own.Claimed({ player: bob, join: { asked: 'ask-2' } as never }), E.left('TAKEN'))
  t.strictSame(c.actions, [{ type: 'refuse', asked: 'ask-2', refusal: { code: 'FULL' } }])
})

t.test('stepper – a refusal keeps the state and asks for nothing', async (t) => {
  const c = alone()
  const before = c.state
  t.same(c.ask(Club.Leave({ player: alice })), { refusal: { code: 'NOT_MEMBER' } })
  t.equal(c.state, before)
  t.same(c.actions, [])
})

t.test('stepper – a stopped entity is no recipient', async (t) => {
  const c = alone()
  c.tell(Club.Close())
  t.same(c.actions, [{ type: 'cancel', name: 'greeting' }, { type: 'stop' }])
  t.equal(c.state, undefined)
  const error = thrown(() => c.ask(Club.Members()))
  t.ok(error instanceof AskFailed && error.code === 'NoRecipient')
})

t.test('stepper – an address travels as an id and arrives as an address', async (t) => {
  const c = alone()
  c.tell(Club.Follow({ slot: Slot.at(bob) }))
  t.match(c.actions, [{ type: 'tell', to: { kind: 'slot', id: 'bob' } }])
})

t.test('stepper – a payload that does not fit is malformed, and its value is not repeated', async (t) => {
  const c = alone()
  const error = thrown(() => c.tell(Club.Greet({ text: 71_717 as unknown as string })))
  t.ok(error instanceof AskFailed)
  t.match((error as AskFailed).reason, {
    tag: 'Malformed',
    address: 'club/c1',
    complaints: ['text: expected string'],
  })
  t.notMatch((error as AskFailed).message, /71717|71_717/)
})

t.test('stepper – a message of another actor is a misuse', async (t) => {
  const c = alone()
  t.throws(() => c.tell(Slot.Release({ club: ClubId('c1') }) as never), { code: 'WrongForm' })
  t.throws(() => c.tell(Club.Members() as never), { code: 'WrongForm' })
  t.throws(() => c.tell({ kind: 'club', tag: 'Close', payload: undefined } as never), {
    code: 'ForeignMessage',
  })
})

const OddId = id('OddId')
const Odd = protocol('odd', OddId, {
  Push: message({ n: io.number }),
  Late: message(),
  Nothing: message(),
  Wrong: message().replies(io.number),
  Broken: message(),
})
const odd = kind(Odd, {
  state: mirrored(io.type({ list: io.array(io.number) })),
  init: () => ({ list: [] as number[] }),
  on: {
    Push: (state, { n }) => {
      state.list.push(n)
      return next(state)
    },
    Late: (async (state: unknown) => next(state)) as never,
    Nothing: (() => undefined) as never,
    Wrong: (state) => reply(state, 'seven' as unknown as number),
    Broken: () => next({ list: 'no list' as unknown as number[] }),
  },
})

t.test('stepper – each way to break a step has its sentence', async (t) => {
  const o = () => stepper(odd, OddId('o'))
  const cases = [
    ['StateMutated', () => o().tell(Odd.Push({ n: 1 })), /changed its state or payload in place/],
    ['StepReturnedPromise', () => o().tell(Odd.Late()), /returned a promise/],
    ['StepReturnedNothing', () => o().tell(Odd.Nothing()), /returned no outcome/],
    ['ReplyDoesNotFit', () => o().ask(Odd.Wrong()), /does not fit the codec/],
    ['StateDoesNotFit', () => o().tell(Odd.Broken()), /no other node could take it over/],
  ] as const
  for (const [code, run, sentence] of cases) {
    const error = thrown(run)
    t.ok(error instanceof Misuse, code)
    t.match(error, { code, message: sentence, link: `docs/errors.md#${code.toLowerCase()}` })
  }
})

t.test('stepper – a disposable kind needs no codec for its state', async (t) => {
  const Loose = protocol('loose', OddId, { Add: message({ n: io.number }), Sum: message().reads(io.number) })
  const loose = kind(Loose, {
    state: disposable<ReadonlySet<number>>(),
    init: () => new Set<number>(),
    on: {
      Add: (state, { n }) => next(new Set(state).add(n)),
      Sum: (state) => [...state].reduce((sum, n) => sum + n, 0),
    },
  })
  const l = stepper(loose, OddId('l'))
  l.tell(Loose.Add({ n: 2 }))
  l.tell(Loose.Add({ n: 3 }))
  t.same(l.ask(Loose.Sum()), { reply: 5 })
})
