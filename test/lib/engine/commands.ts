/** Commands between entities: answered, or come back with a reason; applied once whatever dies meanwhile. */
import * as E from 'fp-ts/lib/Either.js'
import * as fc from 'fast-check'
import * as io from 'io-ts'
import t from 'tap'
import { kindData } from '../../../lib/api/kind.js'
import {
  act,
  answerTo,
  id,
  inner,
  isUndeliverable,
  kind,
  message,
  mirrored,
  next,
  protocol,
  reply,
  Undeliverable,
} from '../../../lib/index.js'
import type { AskResult } from '../../../lib/routing/asks.js'
import { EngineCluster } from '../../fixtures/engine-cluster.js'

const BoxId = id('BoxId')
const put = { n: io.number, pad: io.string }
const Box = protocol('box', BoxId, {
  /** Crashes on negative numbers. */
  Put: message(put).replies(io.number),
  Total: message().reads(io.number),
})
const box = (activate: 'spawn' | 'first-message') =>
  kind(Box, {
    activate,
    state: mirrored(io.number),
    init: () => 0,
    on: {
      Put: (total, { n }) => {
        if (n < 0) throw new Error('less than nothing')
        return reply(total + n, total + n)
      },
      Total: (total) => total,
    },
  })
/** The same as somebody with other ideas has them. */
const Newer = protocol('box', BoxId, {
  Put: message({ coins: io.string }).replies(io.number),
  Total: message().reads(io.string),
})
/** A kind that nobody runs. */
const Ghost = protocol('ghost', BoxId, { Put: message(put).replies(io.number) })

const TillId = id('TillId')
const how = io.keyof({ good: null, crash: null, large: null, ghost: null, newer: null, oddAnswer: null })
const Till = protocol('till', TillId, {
  Pay: message({ to: BoxId, how }).replies(),
  /** Its answer crashes the till as long as it is broken. */
  Break: message({ isBroken: io.boolean }).replies(),
  Heard: message().reads(io.array(io.string)),
})
const Own = inner(Till, {
  Paid: answerTo(Box.Put, { to: BoxId }),
  Haunted: answerTo(Ghost.Put, { to: BoxId }),
  Renewed: answerTo(Newer.Put, { to: BoxId }),
  Counted: answerTo(Newer.Total, { to: BoxId }),
})
const Heard = io.type({ to: io.string, end: io.union([io.number, io.string, Undeliverable]) })
const State = io.type({ isBroken: io.boolean, heard: io.array(Heard) })
type State = io.TypeOf<typeof State>
const heard = (
  state: State,
  { to, answer }: { to: string; answer: E.Either<Undeliverable, number | string> },
) => {
  if (state.isBroken) throw new Error('broken')
  const end = E.isRight(answer) ? answer.right : answer.left
  return next({ ...state, heard: [...state.heard, { to, end }] })
}
const till = kind(Till, {
  activate: 'first-message',
  state: mirrored(State),
  inner: Own,
  init: (): State => ({ isBroken: false, heard: [] }),
  on: {
    Pay: (state, { to, how }) => {
      const pad = how === 'large' ? 'x'.repeat(5_000) : ''
      const command =
        how === 'ghost'
          ? act.command(Ghost.at(to), Ghost.Put({ n: 1, pad }), Own.Haunted({ to }))
          : how === 'newer'
            ? act.command(Newer.at(to), Newer.Put({ coins: 'one' }), Own.Renewed({ to }))
            : how === 'oddAnswer'
              ? act.command(Newer.at(to), Newer.Total(), Own.Counted({ to }))
              : act.command(Box.at(to), Box.Put({ n: how === 'crash' ? -1 : 1, pad }), Own.Paid({ to }))
      return reply(state, undefined, command)
    },
    Break: (state, { isBroken }) => reply({ ...state, isBroken }),
    Heard: ({ heard }) =>
      heard.map(({ to, end }) => (isUndeliverable(end) ? `${to} ${end.why}` : `${to} ${end}`)),
    Paid: heard,
    Haunted: heard,
    Renewed: heard,
    Counted: heard,
  },
})
const tillKind = kindData(till)

const knobs = { commandResendMs: 100, commandAttemptsCountMax: 3, payloadBytesMax: 4_096 }
const started = async (boxes: 'spawn' | 'first-message', names = ['n1', 'n2', 'n3']) => {
  const c = new EngineCluster([tillKind, kindData(box(boxes))], knobs)
  for (const name of names) await c.start(name)
  c.clock.advance(1_000)
  return c
}
const found = (result: AskResult): unknown => (result.tag === 'error' ? result.error.tag : result.payload)
const openCommands = (c: EngineCluster): number => {
  let count = 0
  for (const { engine } of c.nodes.values())
    for (const shard of engine.ownership.shards.values())
      if (shard.role === 'owner')
        for (const { outbox } of shard.copy?.entities.values() ?? []) count += outbox.size
  return count
}

for (const [how, why] of [
  ['good', 'NoRecipient'],
  ['ghost', 'UnknownKind'],
  ['newer', 'Malformed'],
  ['large', 'PayloadTooLarge'],
] as const)
  t.test(`commands – one with ${why} comes back at once, and gives its place free`, async (t) => {
    const c = await started(how === 'good' ? 'spawn' : 'first-message')
    c.ask('n1', 'till', 'a', 'Pay', { to: 'b', how })
    c.clock.advance(50)
    t.same(found(c.ask('n1', 'till', 'a', 'Heard', undefined)), [`b ${why}`])
    t.equal(openCommands(c), 0)
    c.stop()
  })

t.test('commands – a receiver that crashes each time ends one after commandAttemptsCountMax', async (t) => {
  const c = await started('first-message')
  c.ask('n1', 'box', 'b', 'Put', { n: 0, pad: '' })
  c.ask('n1', 'till', 'a', 'Pay', { to: 'b', how: 'crash' })
  c.clock.advance(200)
  t.same(found(c.ask('n1', 'till', 'a', 'Heard', undefined)), [], 'it may pass')
  c.clock.advance(1_000)
  t.same(found(c.ask('n1', 'till', 'a', 'Heard', undefined)), ['b Crashed'])
  const crashes = [...c.nodes.values()].reduce((sum, { engine }) => sum + engine.entities.counts.crashed, 0)
  t.equal(crashes, 3)
  t.equal(openCommands(c), 0)
  c.stop()
})

t.test('commands – an answer that the sender cannot read is told to it as AnswerMalformed', async (t) => {
  const c = await started('first-message')
  c.ask('n1', 'till', 'a', 'Pay', { to: 'b', how: 'oddAnswer' })
  c.clock.advance(50)
  t.same(found(c.ask('n1', 'till', 'a', 'Heard', undefined)), ['b AnswerMalformed'])
  c.stop()
})

t.test('commands – an answer that crashes the sender is given again, once it can take it', async (t) => {
  const c = await started('first-message')
  c.ask('n1', 'till', 'a', 'Break', { isBroken: true })
  c.ask('n1', 'till', 'a', 'Pay', { to: 'b', how: 'good' })
  c.clock.advance(90)
  c.ask('n1', 'till', 'a', 'Break', { isBroken: false })
  c.clock.advance(500)
  t.same(found(c.ask('n1', 'till', 'a', 'Heard', undefined)), ['b 1'])
  t.equal(found(c.ask('n1', 'box', 'b', 'Total', undefined)), 1, 'applied once')
  c.stop()
})

t.test('commands – an answer that always crashes the sender is let go in the end, and said', async (t) => {
  const c = await started('first-message')
  c.ask('n1', 'till', 'a', 'Break', { isBroken: true })
  c.ask('n1', 'till', 'a', 'Pay', { to: 'b', how: 'good' })
  c.clock.advance(2_000)
  t.equal(openCommands(c), 0)
  const events = [...c.nodes.values()].flatMap(({ events }) => events)
  t.match(
    events.filter(({ tag }) => tag === 'DeadLetter'),
    [{ address: 'till/a', message: 'Paid', reason: 'Crashed' }],
  )
  c.stop()
})

type Op =
  | { readonly do: 'pay'; readonly from: number; readonly to: number; readonly how: 'good' | 'crash' }
  | { readonly do: 'kill' | 'leave' | 'cut off'; readonly node: number }
  | { readonly do: 'wait'; readonly ms: number }
const op: fc.Arbitrary<Op> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      do: fc.constant('pay' as const),
      from: fc.nat(3),
      to: fc.nat(3),
      how: fc.constantFrom('good' as const, 'good' as const, 'good' as const, 'crash' as const),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constantFrom('kill' as const, 'leave' as const, 'cut off' as const),
      node: fc.nat(3),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({ do: fc.constant('wait' as const), ms: fc.integer({ min: 1, max: 80 }) }),
  },
)

/** Every shard has its mirror again, so that one more loss is none of state. */
const healed = (c: EngineCluster): boolean => {
  const isHere = (node: string): boolean => c.nodes.has(node.split('#')[0] as string)
  return [...c.nodes.values()].every(({ engine }) =>
    [...engine.ownership.shards.values()].every(
      ({ record }) => record === null || (isHere(record.owner) && record.insync.some(isHere)),
    ),
  )
}
const until = (c: EngineCluster, what: string, holds: () => boolean): void => {
  for (let i = 0; i < 2_000; i++) {
    if (holds()) return
    c.clock.advance(20)
  }
  throw new Error(`never ${what}`)
}

class Story {
  readonly wanted = new Map<string, number>()
  private news = 4
  constructor(readonly c: EngineCluster) {}

  async run(one: Op): Promise<void> {
    const { c } = this
    if (one.do === 'wait') c.clock.advance(one.ms)
    else if (one.do === 'pay') this.pay(`t${one.from}`, `b${one.to}`, one.how)
    else {
      const names = [...c.nodes.keys()]
      const name = names[one.node % names.length] as string
      await this.lose(name, one.do)
    }
  }
  /** Asked of a node that is not lost in this story, so that what was taken is known. */
  private pay(from: string, to: string, how: string): void {
    const first = [...this.c.nodes.keys()][0] as string
    const key = how === 'good' ? `${from} ${to}` : `${from} ${to} Crashed`
    const wish = { tag: 'Pay', payload: { to, how } }
    this.c.at(first).ask({ kind: 'till', id: from }, wish, { timeoutMs: 50_000 }, (result) => {
      if (result.tag === 'reply') this.wanted.set(key, (this.wanted.get(key) ?? 0) + 1)
    })
  }
  private async lose(name: string, way: 'kill' | 'leave' | 'cut off'): Promise<void> {
    const { c } = this
    // The node that the story is told from stays.
    if (name === [...c.nodes.keys()][0]) return
    until(c, 'healed', () => healed(c))
    if (way === 'leave') {
      c.at(name).leave(5_000, () => c.kill(name))
      until(c, 'left', () => !c.nodes.has(name))
    } else if (way === 'kill') c.kill(name)
    else {
      // For longer than its lease: when it is back it is declared dead.
      c.faults.disconnect(name)
      c.clock.advance(8_000)
      c.faults.heal(name)
      c.clock.advance(100)
      c.kill(name)
    }
    await c.start(`n${++this.news}`)
  }
}

t.test('commands – between entities each is applied once, whatever dies in between', async (t) => {
  const runs = Number(process.env['TUMEN_RUNS'] ?? 25)
  await fc.assert(
    fc.asyncProperty(fc.array(op, { minLength: 8, maxLength: 24 }), fc.nat(30), async (ops, delayMs) => {
      const c = await started('first-message', ['n1', 'n2', 'n3', 'n4'])
      const story = new Story(c)
      c.faults.set({ delayMsMin: 1, delayMsMax: delayMs + 1, loss: 0.02, duplication: 0.02, reordering: 0.1 })
      for (const one of ops) await story.run(one)
      c.faults.set({ delayMsMin: 0, delayMsMax: 0, loss: 0, duplication: 0, reordering: 0 })
      c.clock.advance(60_000)
      until(c, 'all answered', () => openCommands(c) === 0)
      const totals = new Map<string, number>()
      for (const [key, count] of story.wanted) {
        const [from = '', to = '', why] = key.split(' ')
        const heard = found(c.ask('n1', 'till', from, 'Heard', undefined)) as string[]
        const mine = heard.filter((line) =>
          why === undefined
            ? line.startsWith(`${to} `) && !line.endsWith('Crashed')
            : line === `${to} ${why}`,
        )
        if (mine.length !== count) throw new Error(`${key}: ${count} given, ${mine.length} answered`)
        if (why === undefined) totals.set(to, (totals.get(to) ?? 0) + count)
      }
      for (const [to, total] of totals) {
        const applied = found(c.ask('n1', 'box', to, 'Total', undefined))
        if (applied !== total) throw new Error(`${to}: ${total} answered, ${String(applied)} applied`)
      }
      c.stop()
    }),
    { numRuns: runs, seed: Number(process.env['TUMEN_SEED'] ?? 7) },
  )
  t.pass(`${runs} stories`)
})
