import t from 'tap'
import * as io from 'io-ts'
import {
  act,
  behavior,
  type LocalRef,
  message,
  next,
  nodeProtocol,
  putOff,
  type Asked,
  reply,
} from '../../../lib/index.js'
import { reasonOf } from '../../fixtures/kernel/counter.js'
import { bed, type Bed, deferred, startActor } from '../../fixtures/kernel/index.js'

const Link = nodeProtocol('link', {
  /** Passes the question on to the one after it. */
  Ask: message().replies(io.number),
  Later: message().replies(io.number),
  Answer: message(),
  Patience: message().replies(io.number),
  Tell: message(),
})
interface State {
  readonly open: readonly Asked<number, never>[]
}
/** Actors in a row: each asks the next one, the last one `last`. */
const row = (kernel: Bed['kernel'], names: readonly string[], last: () => Promise<number>) => {
  const refs: LocalRef<'link'>[] = []
  const crashes: unknown[] = []
  names.forEach((name, i) => {
    const to = (): LocalRef<'link'> | undefined => refs[i + 1]
    const made = behavior(Link, {
      init: (): State => ({ open: [] }),
      on: {
        Ask: async (state, _, self) => {
          const after = to()
          return reply(state, after === undefined ? await last() : await self.ask(after, Link.Ask()))
        },
        Later: (state, _, self) => putOff({ open: [...state.open, self.asked] }),
        Answer: (state) => next({ open: [] }, ...state.open.map((asked) => act.answer(asked, 1))),
        Patience: async (state, _, self) => {
          const before = self.remainingMs
          await last()
          return reply(state, before - self.remainingMs)
        },
        Tell: (state, _, self) => {
          t.equal(self.remainingMs, Number.POSITIVE_INFINITY, 'nobody waits for a tell')
          return next(state)
        },
      },
    })
    const it = startActor(kernel, made, name)
    refs.push(it.actor.ref as unknown as LocalRef<'link'>)
    Object.defineProperty(it.ended, 'push', {
      value: (reason: { error?: unknown }) => crashes.push(reason.error),
    })
  })
  return { refs, crashes }
}

t.test('calls - a deadline is carried on: nobody works for an asker who is gone', async (t) => {
  const { clock, kernel, settle } = bed()
  const work = deferred<number>()
  const { refs, crashes } = row(kernel, ['a', 'b', 'c'], () => work.promise)
  const asked = reasonOf((refs[0] as LocalRef<'link'>).ask(Link.Ask(), { timeoutMs: 300 }))
  await settle()
  t.equal(kernel.asks.openCount, 3)
  clock.advance(310)
  await settle()
  t.match(await asked, { tag: 'AskTimeout', timeoutMs: 300 })
  t.equal(kernel.asks.openCount, 0, 'all three ended together, not after 5 s each')
  t.match(crashes, [{ code: 'AskTimeout' }, { code: 'AskTimeout' }])
})

t.test('calls - remainingMs shrinks while a handler waits', async (t) => {
  const { clock, kernel, settle } = bed()
  const work = deferred<number>()
  const { refs } = row(kernel, ['a'], () => work.promise)
  const [a] = refs as [LocalRef<'link'>]
  a.tell(Link.Tell())
  const spent = a.ask(Link.Patience(), { timeoutMs: 1_000 })
  await settle()
  clock.advance(400)
  work.resolve(0)
  await settle()
  t.equal(await spent, 400)
})

t.test(
  'calls - with diagnostics on actors that wait for each other are told at once, with the chain',
  async (t) => {
    const { kernel, settle } = bed({ diagnostics: true })
    const { refs, crashes } = row(kernel, ['shop', 'bank', 'post'], () => back.ask(Link.Ask()))
    const [back] = refs as [LocalRef<'link'>]
    const asked = reasonOf(back.ask(Link.Ask()))
    await settle()
    t.match(crashes[0], { code: 'CallCycle', message: /^shop -> bank -> post -> shop: / })
    t.match(await asked, { tag: 'Crashed' })
    t.equal(kernel.asks.openCount, 0)
  },
)

t.test('calls - an actor that asks itself is told as well', async (t) => {
  const { kernel, settle } = bed({ diagnostics: true })
  const { refs, crashes } = row(kernel, ['me'], () => (refs[0] as LocalRef<'link'>).ask(Link.Ask()))
  const asked = reasonOf((refs[0] as LocalRef<'link'>).ask(Link.Ask()))
  await settle()
  t.match(crashes, [{ message: /^me -> me: / }])
  t.match(await asked, { tag: 'Crashed' })
})

t.test('calls - an ask back that is put off, or comes after the handler, is no cycle', async (t) => {
  const { kernel, settle } = bed({ diagnostics: true })
  const Shop = nodeProtocol('shop', {
    Go: message(),
    Got: message({ n: io.number }),
    Price: message().reads(io.number),
  })
  const prices: number[] = []
  const { refs } = row(kernel, ['bank'], () => shop.ask(Shop.Price()))
  const [bank] = refs as [LocalRef<'link'>]
  const made = behavior(Shop, {
    init: () => 7,
    on: {
      Go: (price, _, self) => {
        void self.ask(bank, Link.Ask()).then((n) => self.tell(Shop.Got({ n })))
        return next(price)
      },
      Got: (price, { n }) => {
        prices.push(n)
        return next(price)
      },
      Price: (price) => price,
    },
  })
  const shop = startActor(kernel, made, 'shop').actor.ref as unknown as LocalRef<'shop'>
  shop.tell(Shop.Go())
  await settle()
  t.same(prices, [7])
})

t.test('calls - without diagnostics nothing is kept of who waits for whom', async (t) => {
  const { clock, kernel, settle } = bed()
  const { refs } = row(kernel, ['me'], () => (refs[0] as LocalRef<'link'>).ask(Link.Ask()))
  const asked = reasonOf((refs[0] as LocalRef<'link'>).ask(Link.Ask(), { timeoutMs: 100 }))
  await settle()
  t.equal(kernel.asks.openCount, 2)
  clock.advance(110)
  t.match(await asked, { tag: 'AskTimeout' })
})

t.test('calls - self is good for one life', async (t) => {
  const { kernel, settle } = bed()
  const Lives = nodeProtocol('lives', { Keep: message(), Crash: message() })
  let kept: { perform(...actions: never[]): void; link(to: never): void } | undefined
  const lives = behavior(Lives, {
    init: () => 0,
    on: {
      Keep: (n, _, self) => {
        kept = self as never
        return next(n)
      },
      Crash: () => {
        throw new Error('expected in this test')
      },
    },
  })
  const { actor } = startActor(kernel, lives)
  const ref = actor.ref as unknown as LocalRef<'lives'>
  ref.tell(Lives.Keep())
  await settle()
  kept?.perform(act.after(10, Lives.Keep()) as never)
  ref.tell(Lives.Crash())
  await settle()
  t.throws(() => kept?.perform(), /The life of lives\/ that this self belongs to is over/)
  actor.begin(() => undefined)
  t.throws(() => kept?.link(ref as never), /is over/)
  t.throws(() => kept?.link({} as never), /is over/)
  ref.tell(Lives.Keep())
  await settle()
  t.throws(() => kept?.link({} as never), /self\.link takes a ref to an actor of this very node/)
})

t.test('calls - an actor of another node in the same process is not linked or monitored', async (t) => {
  const [here, there] = [bed(), bed()]
  const Alone = nodeProtocol('alone', { Reach: message() })
  const errors: unknown[] = []
  const far = startActor(there.kernel, behavior(Alone, { init: () => 0, on: { Reach: (n) => next(n) } }))
  const other = far.actor.ref as unknown as LocalRef<'alone'>
  const reaching = behavior(Alone, {
    init: () => 0,
    on: {
      Reach: (n, _, self) => {
        for (const reach of [
          () => self.link(other),
          () => self.unlink(other),
          () => self.exit(other, { tag: 'kill' }),
          () => self.monitor(other, () => Alone.Reach()),
        ]) {
          try {
            reach()
          } catch (error) {
            errors.push(error)
          }
        }
        return next(n)
      },
    },
  })
  startActor(here.kernel, reaching).actor.ref.tell(Alone.Reach() as never)
  await here.settle()
  t.match(
    errors,
    ['link', 'unlink', 'exit', 'monitor'].map((used) => ({
      message: new RegExp(`^self\\.${used} takes a ref to an actor of this very node`),
    })),
  )
  t.same(far.ended, [])
})
