import { deepStrictEqual } from 'node:assert/strict'
import * as E from 'fp-ts/lib/Either.js'
import fc from 'fast-check'
import t from 'tap'
import {
  applyChange,
  type Change,
  type Command,
  type EntityCopy,
  entityFromWire,
  entityToWire,
  heardShardsCountMax,
  isForgettable,
} from '../../../lib/entity/copy.js'
import { noneReached } from '../../../lib/limits.js'
import type { Wire } from '../../../lib/wire/envelope.js'
import { decodeFrame, encodeFrames } from '../../../lib/wire/frame.js'
import { travelled, wire as anything } from '../../fixtures/wire.js'

/** What a mirror has after it came over the wire. */
const sent = <A>(value: A): A => {
  const body = value as unknown as Wire
  const { frames, unsent } = encodeFrames(
    'n1#1',
    [{ type: 'mirror', shard: 'k.1', verb: 'append', body }],
    64 << 20,
  )
  deepStrictEqual(unsent, [])
  const [bytes] = frames
  const frame = bytes === undefined ? E.left('none') : decodeFrame(bytes)
  if (E.isLeft(frame)) throw new Error(frame.left)
  const [envelope] = frame.right.envelopes
  if (envelope?.type !== 'mirror') throw new Error('another envelope')
  return envelope.body as unknown as A
}

/** Long values cost time and say nothing more. */
const wire = fc.oneof(
  { weight: 9, arbitrary: fc.constantFrom(null, 0, '', 'x', -0, NaN) },
  { weight: 1, arbitrary: anything },
)
const name = fc.constantFrom('a', 'b', 'c', '__proto__', 'constructor')
const at = fc.integer({ min: 0, max: 2_000 })
const number = fc.integer({ min: 1, max: 8 })
const command: fc.Arbitrary<Command> = fc.record({
  kind: name,
  id: name,
  tag: name,
  payload: wire,
  // biome-ignore lint/suspicious/noThenProperty: data, never awaited
  then: fc.record({ tag: name, payload: wire }),
  floor: number,
})
const outcome = fc.constantFrom('reply', 'refusal', 'pending')
const position = fc.tuple(number, at, number, number)

/** Changes as owners make them: each field there or not. */
const changed = fc.record(
  {
    id: fc.constantFrom('e1', 'e2', '__proto__'),
    at,
    state: wire.filter((value) => value !== undefined),
    life: fc.constantFrom('live', 'live', 'stopped', 'gone'),
    replies: fc.array(fc.tuple(fc.stringMatching(/^r[0-9]$/), outcome, wire, at), { maxLength: 3 }),
    forgets: fc.array(fc.stringMatching(/^r[0-9]$/), { maxLength: 2 }),
    timers: fc.array(fc.tuple(name, fc.option(fc.record({ at, tag: name, payload: wire }))), {
      maxLength: 3,
    }),
    commands: fc.array(fc.tuple(number, fc.option(command)), { maxLength: 3 }),
    heard: fc.array(fc.tuple(name, position), { maxLength: 3 }),
    outputs: fc.constant([]),
  },
  { requiredKeys: ['id', 'at', 'outputs'] },
)
const changes: fc.Arbitrary<Change[]> = fc
  .array(changed, { maxLength: 25 })
  .map((all) => all.map((change, i) => ({ ...change, seq: i + 1 }) as Change))

type Entities = Map<string, EntityCopy>
/** Order counts: it decides what is forgotten first. */
const plain = (entities: Entities): unknown =>
  [...entities].map(([key, entity]) => [key, travelled(entityToWire(entity))])

const applyAll = (entities: Entities, all: readonly Change[]): Entities => {
  for (const change of all) applyChange(entities, change, 6)
  return entities
}

t.test('copy - a mirror that gets every change over the wire stays equal to its owner', async () => {
  fc.assert(
    fc.property(changes, (all) => {
      const owner: Entities = new Map()
      const mirror: Entities = new Map()
      for (const change of all) {
        applyChange(owner, change, 6)
        applyChange(mirror, sent(change), 6)
      }
      deepStrictEqual(plain(mirror), plain(owner))
    }),
  )
})

t.test('copy - a mirror that is filled half way and then gets the rest is equal too', async () => {
  fc.assert(
    fc.property(changes, fc.double({ min: 0, max: 1, noNaN: true }), (all, share) => {
      const cut = Math.floor(all.length * share)
      const owner = applyAll(new Map(), all.slice(0, cut))
      const filled = new Map(
        [...owner].map(([id, entity]) => [id, entityFromWire(sent(entityToWire(entity)))]),
      )
      deepStrictEqual(plain(filled), plain(owner))
      applyAll(filled, sent(all.slice(cut)))
      deepStrictEqual(plain(filled), plain(applyAll(owner, all.slice(cut))))
    }),
  )
})

t.test('copy - remembered answers are bounded; those still open are never forgotten for room', async () => {
  fc.assert(
    fc.property(changes, (all) => {
      for (const entity of applyAll(new Map(), all).values()) {
        const pending = [...entity.replies.values()].filter((kept) => kept.outcome === 'pending').length
        deepStrictEqual(entity.replies.size <= 6 + pending, true)
      }
    }),
  )
})

const change = (seq: number, more: Partial<Change>): Change => ({
  seq,
  id: 'e',
  at: 100,
  outputs: [],
  ...more,
})

t.test('copy - answers past their time are forgotten with the next change, oldest first', async (t) => {
  const entities: Entities = new Map()
  applyChange(
    entities,
    change(1, {
      life: 'live',
      replies: [
        ['r1', 'reply', 1, 150],
        ['r2', 'reply', 2, 300],
      ],
    }),
    10,
  )
  applyChange(entities, change(2, { at: 149 }), 10)
  t.same([...(entities.get('e')?.replies.keys() ?? [])], ['r1', 'r2'])
  applyChange(entities, change(3, { at: 150 }), 10)
  t.same([...(entities.get('e')?.replies.keys() ?? [])], ['r2'])
})

t.test(
  'copy - it hears at most so many shards, and forgets the one that was silent for longest',
  async (t) => {
    const entities: Entities = new Map()
    const reached = noneReached()
    const heard = Array.from({ length: heardShardsCountMax }, (_, i) => [`s${i}`, [1, i, 0, 1]] as const)
    applyChange(entities, change(1, { life: 'live', heard }), 10)
    applyChange(
      entities,
      change(2, {
        heard: [
          ['s0', [1, 999, 0, 1]],
          ['new', [1, 1, 0, 1]],
        ],
      }),
      10,
      reached,
    )
    t.equal(reached.heardShardsCountMax, 1)
    const known = entities.get('e')?.heard
    t.equal(known?.size, heardShardsCountMax)
    t.same([known?.has('s0'), known?.has('s1'), known?.has('new')], [true, false, true])
  },
)

t.test(
  'copy - a stopped one is forgotten when nobody can ask for its answers and nothing is open',
  async (t) => {
    const entities: Entities = new Map()
    const pay: Command = {
      kind: 'k',
      id: 'x',
      tag: 'T',
      payload: null,
      then: { tag: 'U', payload: null },
      floor: 1,
    }
    applyChange(
      entities,
      change(1, { life: 'live', replies: [['r', 'reply', 1, 500]], commands: [[1, pay]] }),
      10,
    )
    const entity = entities.get('e') as EntityCopy
    t.notOk(isForgettable(entity, 1_000), 'it lives')
    applyChange(entities, change(2, { life: 'stopped' }), 10)
    t.notOk(isForgettable(entity, 1_000), 'its command is open')
    applyChange(entities, change(3, { commands: [[1, null]] }), 10)
    t.notOk(isForgettable(entity, 499), 'its answer may be asked for')
    t.ok(isForgettable(entity, 500))
  },
)

t.test(
  'copy - each start of an id is another incarnation, and its first change names its commands',
  async (t) => {
    const entities: Entities = new Map()
    applyChange(entities, change(4, { life: 'live', state: 1 }), 10)
    applyChange(entities, change(5, { life: 'stopped' }), 10)
    applyChange(entities, change(6, { life: 'live', state: 2 }), 10)
    t.match(entities.get('e'), { incarnation: 2, since: 4, state: 2 })
    applyChange(entities, change(7, { life: 'gone' }), 10)
    applyChange(entities, change(8, { life: 'live', state: 3 }), 10)
    t.match(entities.get('e'), { incarnation: 1, since: 8 })
  },
)
