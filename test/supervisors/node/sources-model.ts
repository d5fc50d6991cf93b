/** Persisted entities against a model: whatever dies, what was acknowledged is there, once, in its place. */
import fc from 'fast-check'
import * as io from 'io-ts'
import t from 'tap'
import {
  act,
  entities,
  id,
  inner,
  kind,
  memoryEngine,
  message,
  next,
  type PersistenceEngine,
  persisted,
  protocol,
  reply,
  supervisor,
} from '../../../supervisors/index.js'
import { testCluster } from '../../../supervisors/testing.js'

const DiaryId = id('DiaryId')
const Diary = protocol('diary', DiaryId, {
  /** Replies with the number of lines. */
  Write: message({ line: io.number }).replies(io.number),
  Later: message({ line: io.number }).replies(),
  Lines: message().reads(io.array(io.number)),
})
const Own = inner(Diary, { Due: message({ line: io.number }) })
const diary = kind(Diary, {
  inner: Own,
  activate: 'first-message',
  state: persisted(io.array(io.number), { snapshotEveryCount: 3 }),
  init: () => [],
  limits: { idleMs: 20_000 },
  on: {
    Write: (lines, { line }) => reply([...lines, line], lines.length + 1),
    Later: (lines, { line }) => reply(lines, undefined, act.after(5_000, Own.Due({ line }))),
    Due: (lines, { line }) => next([...lines, line]),
    Lines: (lines) => [...lines],
  },
})
const ids = ['a', 'b', 'c'].map(DiaryId)
type DiaryId = ReturnType<typeof DiaryId>

/** A store of which everything may fail, before or after it has done its work. */
const unreliable = () => {
  const inner = memoryEngine()
  const state = { isDown: false, losesAnswers: false }
  const through = async <A>(work: () => PromiseLike<A>): Promise<A> => {
    if (state.isDown) throw new Error('the store is away')
    const answer = await work()
    if (state.losesAnswers) throw new Error('the answer was lost')
    return answer
  }
  const engine: PersistenceEngine = {
    events: (...args) => ({
      reduce: (fn, initial) => through(async () => inner.events(...args).reduce(fn, initial)),
    }),
    latestSnapshot: (key) => through(() => inner.latestSnapshot(key)),
    persist: (event) => through(() => inner.persist(event)),
    takeSnapshot: (snapshot) => through(() => inner.takeSnapshot(snapshot)),
    discard: (key, below) => through(async () => inner.discard?.(key, below)),
  }
  return { engine, state }
}

const nodes = ['n1', 'n2'] as const
type Name = (typeof nodes)[number]
const aNode = fc.constantFrom<Name>(...nodes)
const anId = fc.nat(ids.length - 1)
const step = fc.oneof(
  { weight: 8, arbitrary: fc.record({ do: fc.constant('write' as const), at: aNode, id: anId }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('later' as const), at: aNode, id: anId }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('kill' as const), at: aNode }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('start' as const), at: aNode }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('freeze' as const), at: aNode }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('break' as const), what: fc.nat(2) }) },
  {
    weight: 3,
    arbitrary: fc.record({ do: fc.constant('wait' as const), ms: fc.integer({ min: 1, max: 9_000 }) }),
  },
)
type Step = typeof step extends fc.Arbitrary<infer S> ? S : never

interface Line {
  readonly id: DiaryId
  readonly line: number
  /** The reply to a write, `asked` for what falls later; undefined when nobody knows. */
  answer: number | 'asked' | undefined
}

class Run {
  readonly lines: Line[] = []
  readonly alive = new Set<Name>(nodes)
  readonly frozen = new Set<Name>()
  readonly asks: Promise<unknown>[] = []

  constructor(readonly cluster: Awaited<ReturnType<typeof startCluster>>['c']) {}

  async perform(given: Step, state: ReturnType<typeof unreliable>['state']): Promise<void> {
    const { cluster: c, alive, frozen } = this
    switch (given.do) {
      case 'write':
      case 'later':
        if (alive.has(given.at)) this.#ask(given.do, given.at, ids[given.id] ?? DiaryId('a'))
        return c.advance(1)
      case 'kill':
        if (alive.delete(given.at)) c.kill(given.at)
        frozen.delete(given.at)
        return
      case 'start':
        if (frozen.delete(given.at)) c.thaw(given.at)
        if (!alive.has(given.at) && frozen.size === 0) {
          alive.add(given.at)
          await c.start(given.at)
        }
        return
      case 'freeze':
        if (!alive.has(given.at)) return
        frozen.add(given.at)
        return c.freeze(given.at)
      case 'break':
        state.isDown = given.what === 1
        state.losesAnswers = given.what === 2
        return
      case 'wait':
        return c.advance(given.ms)
    }
  }

  #ask(what: 'write' | 'later', at: Name, id: DiaryId): void {
    const entry: Line = { id, line: this.lines.length, answer: undefined }
    this.lines.push(entry)
    const ref = this.cluster.node[at].ref(Diary, id)
    const { line } = entry
    const asked =
      what === 'write'
        ? ref.ask(Diary.Write({ line }), { timeoutMs: 15_000 })
        : ref.ask(Diary.Later({ line }), { timeoutMs: 15_000 }).then((): 'asked' => 'asked')
    const settled = asked.then(
      (answer) => {
        entry.answer = answer
      },
      () => undefined,
    )
    this.asks.push(settled)
  }
}

type Closer = () => Promise<void>
const startCluster = async (seed: number) => {
  const closers: Closer[] = []
  const store = unreliable()
  const c = await testCluster(
    { teardown: (fn: Closer) => closers.push(fn) },
    {
      nodes,
      seed,
      tree: () => supervisor('root', {}, [entities(diary)]),
      persistence: store.engine,
      config: { shardCount: 2, sourceMs: 2_000 },
    },
  )
  return { c, store, close: () => Promise.all(closers.map((fn) => fn())) }
}

t.test(
  'sources - whatever dies and fails, what was acknowledged is kept once and in its place',
  async (t) => {
    let acknowledged = 0
    const property = fc.asyncProperty(
      fc.nat(1_000),
      fc.array(step, { minLength: 15, maxLength: 45 }),
      async (seed, steps) => {
        const { c, store, close } = await startCluster(seed)
        const run = new Run(c)
        for (const one of steps) await run.perform(one, store.state)
        Object.assign(store.state, { isDown: false, losesAnswers: false })
        for (const name of run.frozen) c.thaw(name)
        for (const name of nodes) if (!run.alive.has(name)) await c.start(name)
        let isSettled = false
        void Promise.all(run.asks).then(() => {
          isSettled = true
        })
        await c.waitUntil('all asks have ended', () => isSettled, { deadlineMs: 60_000 })
        await c.advance(40_000)
        for (const id of ids) {
          let found: readonly number[] | undefined
          c.node.n1
            .ref(Diary, id)
            .ask(Diary.Lines(), { timeoutMs: 30_000 })
            .then((lines) => {
              found = lines
            })
            .catch(() => undefined)
          await c.waitUntil(`${id} answers`, () => found !== undefined, { deadlineMs: 40_000 })
          const lines = found ?? []
          if (new Set(lines).size !== lines.length) throw new Error(`twice: ${lines.join()}`)
          for (const { line, answer } of run.lines.filter((one) => one.id === id)) {
            if (answer === undefined) continue
            acknowledged++
            const place = lines.indexOf(line)
            if (place < 0 || (answer !== 'asked' && place !== answer - 1))
              throw new Error(
                `${id}: line ${line} was answered ${answer}, and is at ${place} of ${lines.join()}`,
              )
          }
        }
        await close()
      },
    )
    const { failed, counterexample, seed, errorInstance } = await fc.check(property, {
      seed: 7,
      numRuns: 25,
      endOnFailure: true,
    })
    t.notOk(failed, `seed ${seed}: ${String(errorInstance)} ${JSON.stringify(counterexample)}`)
    t.ok(acknowledged > 60, `${acknowledged} were acknowledged`)
  },
)
