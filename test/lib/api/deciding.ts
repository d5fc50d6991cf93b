/** Outcomes and actions, freezing, and the sentences for what the runtime refuses while it runs. */
import t from 'tap'
import {
  act,
  AskFailed,
  Misuse,
  next,
  putOff,
  refuse,
  refused,
  reply,
  type Action,
} from '../../../lib/index.js'
import {
  actionData,
  deepFreeze,
  foreignMessage,
  freezing,
  holdFreezing,
  kindNotInTree,
  nodeMessageToRemote,
  noActions,
  outcomeData,
  stateMutated,
  stepReturnedPromise,
} from '../../../lib/api/internal.js'
import { Chat, Club, ClubId, Own, PlayerId, Slot } from '../../fixtures/api/club.js'

const stop = act.stop()

t.test('outcomes – all four have one shape', async (t) => {
  const outcomes = [next(1), reply(1), reply(1, 2), refuse('NO'), putOff(1)]
  const keys = outcomes.map((outcome) => Object.keys(outcome).join())
  t.same(new Set(keys), new Set(['type,state,value,actions']))
  t.match(outcomes.map(outcomeData), [
    { type: 'stepped', state: 1 },
    { type: 'replied', state: 1, value: undefined },
    { type: 'replied', state: 1, value: 2 },
    { type: 'refused', state: undefined, value: 'NO' },
    { type: 'put-off', state: 1 },
  ])
})

t.test('outcomes – actions keep their order, and none cost nothing', async (t) => {
  const cancel = act.cancel('a')
  for (const outcome of [next(1, stop, cancel), reply(1, 2, stop, cancel), putOff(1, stop, cancel)]) {
    t.strictSame(outcomeData(outcome)?.actions, [stop, cancel])
  }
  for (const outcome of [next(1), reply(1), reply(1, 2), refuse(1), putOff(1)]) {
    t.equal(outcomeData(outcome)?.actions, noActions)
  }
})

t.test('outcomes – what is no outcome is told apart', async (t) => {
  for (const value of [undefined, null, 7, 'x', {}, { actions: 1 }, Promise.resolve(next(1))]) {
    t.equal(outcomeData(value), undefined)
  }
})

t.test('actions – are tagged plain data', async (t) => {
  const slot = Slot.at(PlayerId('p'))
  const claim = Slot.Claim({ club: ClubId('c') })
  const open = { asked: 'a1' } as never
  const then = Own.Claimed({ player: PlayerId('p'), join: open })
  const greeted = Own.Greeted({ text: 'x' })
  const made: readonly Action[] = [
    act.tell(slot, Slot.Release({ club: ClubId('c') })),
    act.command(slot, claim, then),
    act.answer(open, 1 as never),
    act.refuse(open, 'NO' as never),
    act.publish(Chat, { club: ClubId('c'), text: 'x' }),
    act.after(5, greeted),
    act.after(5, greeted, 'tick'),
    act.cancel('tick'),
    act.stop(),
  ]
  t.match(made.map(actionData), [
    { type: 'tell', to: { kind: 'slot', id: 'p' }, message: { tag: 'Release' } },
    { type: 'command', to: { kind: 'slot', id: 'p' }, message: claim, then },
    { type: 'answer', asked: 'a1', reply: 1 },
    { type: 'refuse', asked: 'a1', refusal: 'NO' },
    { type: 'publish', topic: { name: 'chat' }, payload: { club: 'c', text: 'x' } },
    { type: 'after', delayMs: 5, message: greeted, name: undefined },
    { type: 'after', delayMs: 5, message: greeted, name: 'tick' },
    { type: 'cancel', name: 'tick' },
    { type: 'stop' },
  ])
})

t.test('refused – narrows to the refusal of this message and no other', async (t) => {
  const failed = new AskFailed({
    tag: 'Refused',
    address: 'club/c1',
    message: 'Join',
    refusal: { code: 'FULL' },
  })
  t.ok(refused(failed, Club.Join))
  if (refused(failed, Club.Join)) t.equal(failed.reason.refusal.code, 'FULL')
  t.notOk(refused(failed, Club.Leave))
  t.notOk(refused(failed, Slot.Claim))
  t.notOk(refused(new AskFailed({ tag: 'NoRecipient', address: 'club/c1' }), Club.Join))
  t.notOk(refused(new Error('Join'), Club.Join))
  t.notOk(refused(failed, (() => undefined) as never))
})

t.test('freezing – is counted, because several nodes share one process', async (t) => {
  const made = () => Object.isFrozen(Club.Greet({ text: 'x' }))
  t.notOk(made())
  const [first, second] = [holdFreezing(), holdFreezing()]
  t.ok(made())
  first()
  first()
  t.ok(freezing.on)
  second()
  t.notOk(freezing.on)
  t.notOk(made())
})

t.test('freezing – reaches the depth of plain data and leaves instances alone', async (t) => {
  const socket = new (class Socket {
    open = true
  })()
  const data = deepFreeze({ list: [{ a: 1 }], map: new Map([[1, 2]]), bytes: new Uint8Array(2), socket })
  t.throws(() => (data.list[0] as { a: number }).a++, TypeError)
  t.throws(() => data.list.push({ a: 2 }), TypeError)
  t.doesNotThrow(() => data.map.set(2, 3))
  socket.open = false
  data.bytes[0] = 1
  t.equal(deepFreeze('x'), 'x')
  const bare = Object.assign(Object.create(null), { inside: {} }) as { inside: object }
  t.ok(Object.isFrozen(deepFreeze(bare).inside))
})

t.test('misuse – each says what to do instead', async (t) => {
  const cases = [
    [kindNotInTree('party', ['lobby', 'queue']), /"party" is not in .* has lobby, queue\. Add worker/],
    [kindNotInTree('party', []), /which has nothing/],
    [
      nodeMessageToRemote('gate', 'Open', 'n2#1'),
      /gate\.Open never leaves its node, .* to n2#1\. Declare it/,
    ],
    [
      stateMutated('club', 'c1', 'Join', new TypeError('read only')),
      /Join of club\/c1 .* Return a new state/,
    ],
    [stepReturnedPromise('club', 'Join'), /Join of "club" returned a promise\. .*behavior/],
    [foreignMessage('club.Join'), /club\.Join was not made by a constructor/],
  ] as const
  for (const [misuse, sentence] of cases) {
    t.ok(misuse instanceof Misuse && misuse instanceof TypeError)
    t.match(misuse.message, sentence)
    t.equal(misuse.link, `docs/errors.md#${misuse.code.toLowerCase()}`)
  }
})
