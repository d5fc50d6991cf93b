import t from 'tap'
import * as io from 'io-ts'
import {
  act,
  behavior,
  type LocalRef,
  type MailboxOptions,
  message,
  next,
  nodeProtocol,
  reply,
  stash,
} from '../../../lib/index.js'
import { reasonOf } from '../../fixtures/kernel/counter.js'
import { bed, type Bed, deferred, recorded, startActor } from '../../fixtures/kernel/index.js'

const Sink = nodeProtocol('sink', {
  Put: message({ n: io.number }),
  Wait: message(),
  All: message().reads(io.array(io.number)),
  Ask: message({ n: io.number }).replies(io.number),
})

/** Records what it is told; `Wait` keeps it busy until it is let go. */
const sink = (kernel: Bed['kernel'], mailbox: MailboxOptions) => {
  const waits: (() => void)[] = []
  const made = behavior(Sink, {
    init: (): readonly number[] => [],
    mailbox,
    on: {
      Put: (all, { n }) => next([...all, n]),
      Wait: async (all) => {
        await new Promise<void>((done) => waits.push(done))
        return next(all)
      },
      All: (all) => [...all],
      Ask: (all, { n }) => reply([...all, n], n),
    },
  })
  const it = startActor(kernel, made, 'sink')
  const ref = it.actor.ref as unknown as LocalRef<'sink'>
  return { ...it, ref, free: () => waits.shift()?.() }
}

/** Tells a busy sink with room for two, and gives what it handled once it is free again. */
const filled = async (overflow: MailboxOptions['overflow'] & string, puts: readonly number[]) => {
  const { kernel, settle } = bed()
  const { ref, free } = sink(kernel, { countMax: 2, overflow })
  ref.tell(Sink.Wait())
  await settle()
  for (const n of puts) ref.tell(Sink.Put({ n }))
  free()
  await settle()
  const all = ref.ask(Sink.All())
  await settle()
  return { kernel, handled: await all }
}

t.test('mailbox - a full one refuses, gives up its oldest, or gives up its youngest', async (t) => {
  const rejecting = await filled('reject', [1, 2, 3, 4])
  t.same(rejecting.handled, [1, 2])
  t.same((await filled('drop-oldest', [1, 2, 3, 4])).handled, [3, 4])
  const dropping = await filled('drop-newest', [1, 2, 3, 4])
  t.same(dropping.handled, [1, 4])
  for (const { kernel } of [rejecting, dropping]) {
    const { sent, handled, errors, deadLetters, byReason } = kernel.counts()
    t.equal(byReason['mailbox-full'], 2)
    t.equal(sent, handled + errors + deadLetters)
    t.equal(kernel.ledger.reached.mailboxCountMax, 2)
  }
})

t.test('mailbox - an asker is told, whichever policy gives its message up', async (t) => {
  for (const overflow of ['reject', 'drop-oldest', 'drop-newest', 'hold'] as const) {
    const { kernel, settle } = bed()
    const { ref, free } = sink(kernel, { countMax: 1, overflow })
    ref.tell(Sink.Wait())
    await settle()
    const asks = [1, 2].map((n) => reasonOf(ref.ask(Sink.Ask({ n }))))
    free()
    await settle()
    const ends = await Promise.all(asks)
    const given = overflow === 'reject' || overflow === 'hold' ? 1 : 0
    t.match(ends[given], { tag: 'Overloaded', mailboxCountMax: 1 }, overflow)
    t.equal(ends[1 - given], 'resolved', overflow)
  }
})

t.test('mailbox - a tell to a full mailbox never throws into the sender', async (t) => {
  for (const overflow of ['reject', 'drop-oldest', 'drop-newest', 'hold'] as const) {
    const { kernel } = bed()
    const { ref } = sink(kernel, { countMax: 1, overflow })
    for (let n = 0; n < 100; n++) t.doesNotThrow(() => ref.tell(Sink.Put({ n })))
  }
})

const Source = nodeProtocol('source', { Send: message({ n: io.number }), Late: message({ n: io.number }) })
const sources = (kernel: Bed['kernel'], to: LocalRef<'sink'>, wait: () => Promise<unknown>) => {
  const sent: number[] = []
  const made = behavior(Source, {
    init: () => 0,
    on: {
      Send: (count, { n }) => {
        sent.push(n)
        to.tell(Sink.Put({ n }))
        return next(count + 1)
      },
      Late: async (count, { n }, self) => {
        await wait()
        sent.push(n)
        self.tell(to, Sink.Put({ n }))
        return next(count + 1)
      },
    },
  })
  const it = startActor(kernel, made, 'source')
  return { ...it, ref: it.actor.ref as unknown as LocalRef<'source'>, sent }
}

t.test('mailbox - hold: the sender takes no further message until there is room', async (t) => {
  const { kernel, settle } = bed()
  const { ref, free } = sink(kernel, { countMax: 2, overflow: 'hold' })
  const source = sources(kernel, ref, async () => undefined)
  ref.tell(Sink.Wait())
  for (let n = 1; n <= 6; n++) source.ref.tell(Source.Send({ n }))
  await settle()
  t.same(source.sent, [1, 2, 3], 'the third one waits for room')
  t.match(kernel.counts(), { deadLetters: 0, waiting: 1 + 3 + 3 }, 'all are accounted for')
  free()
  await settle()
  const all = ref.ask(Sink.All())
  await settle()
  t.same(await all, [1, 2, 3, 4, 5, 6], 'nothing was lost, and the order is kept')
})

t.test('mailbox - hold: after an await the sender is known by self.tell', async (t) => {
  const { kernel, settle } = bed()
  const { ref, free } = sink(kernel, { countMax: 1, overflow: 'hold' })
  const wait = deferred()
  const source = sources(kernel, ref, () => wait.promise)
  ref.tell(Sink.Wait())
  await settle()
  ref.tell(Sink.Put({ n: 0 }))
  for (const n of [1, 2]) source.ref.tell(Source.Late({ n }))
  await settle()
  wait.resolve()
  await settle()
  t.same(source.sent, [1])
  t.equal(kernel.counts().deadLetters, 0)
  free()
  await settle()
  t.same(source.sent, [1, 2])
})

t.test('mailbox - hold: two full actors that tell each other stand still for holdMs at most', async (t) => {
  const { clock, kernel, settle } = bed()
  const Peer = nodeProtocol('peer', { Go: message(), Poke: message() })
  const refs: LocalRef<'peer'>[] = []
  const poked = [0, 0]
  const peer = (me: number) =>
    behavior(Peer, {
      init: () => 0,
      mailbox: { countMax: 1, overflow: 'hold', holdMs: 100 },
      on: {
        Go: (state) => {
          for (let i = 0; i < 3; i++) refs[1 - me]?.tell(Peer.Poke())
          return next(state)
        },
        Poke: (state) => {
          poked[me] = (poked[me] as number) + 1
          return next(state)
        },
      },
    })
  for (const me of [0, 1])
    refs.push(startActor(kernel, peer(me), `peer-${me}`).actor.ref as unknown as LocalRef<'peer'>)
  for (const ref of refs) ref.tell(Peer.Go())
  await settle()
  clock.advance(99)
  await settle()
  t.same(poked, [0, 0], 'each waits for the other')
  clock.advance(2)
  await settle()
  t.same(poked, [1, 1], 'they go on')
  t.match(kernel.counts(), { waiting: 0, byReason: { 'mailbox-full': 4 } }, 'what waited is a dead letter')
})

t.test('mailbox - hold: from outside of actors, and to itself, it refuses', async (t) => {
  const { kernel, settle } = bed()
  const { ref } = sink(kernel, { countMax: 1, overflow: 'hold' })
  for (let n = 0; n < 3; n++) ref.tell(Sink.Put({ n }))
  t.equal(kernel.counts().byReason['mailbox-full'], 2)
  await settle()
  const Loop = nodeProtocol('loop', { Go: message() })
  const loop = behavior(Loop, {
    init: () => 0,
    mailbox: { countMax: 1, overflow: 'hold' },
    on: {
      Go: (count, _, self) => {
        if (count === 0) for (let i = 0; i < 3; i++) self.tell(Loop.Go())
        return next(count + 1)
      },
    },
  })
  const looping = startActor(kernel, loop, 'loop').actor
  looping.ref.tell(Loop.Go() as never)
  await settle()
  t.equal(kernel.counts().byReason['mailbox-full'], 4)
  t.equal(looping.cell.mailboxCount, 0, 'it is not held by itself')
})

t.test('mailbox - hold: a sender or a receiver that ends frees the other', async (t) => {
  const { kernel, settle } = bed()
  const { ref, actor, free } = sink(kernel, { countMax: 1, overflow: 'hold' })
  const source = sources(kernel, ref, async () => undefined)
  ref.tell(Sink.Wait())
  for (let n = 1; n <= 4; n++) source.ref.tell(Source.Send({ n }))
  await settle()
  t.same(source.sent, [1, 2])
  source.actor.abort()
  source.actor.begin(() => undefined)
  await settle()
  t.same(source.sent, [1, 2, 3], 'its next life is not held for what the last one sent')
  actor.close({ tag: 'shutdown' })
  await settle()
  t.same(source.sent, [1, 2, 3, 4], 'nor by an actor that is gone')
  free()
  const { sent, handled, errors, deadLetters, waiting } = kernel.counts()
  t.equal(sent, handled + errors + deadLetters + waiting)
})

t.test('mailbox - an ask whose deadline passed in the mailbox is never handled', async (t) => {
  const { clock, kernel, settle } = bed()
  const { ref, free } = sink(kernel, {})
  ref.tell(Sink.Wait())
  await settle()
  const late = reasonOf(ref.ask(Sink.Ask({ n: 7 }), { timeoutMs: 50 }))
  clock.advance(60)
  t.match(await late, { tag: 'AskTimeout' })
  free()
  await settle()
  const all = ref.ask(Sink.All())
  await settle()
  t.same(await all, [])
})

t.test('mailbox - the alarm is said once, and again only after less than half of it waited', async (t) => {
  const { kernel, settle, tags } = bed()
  const a = recorded(kernel, { mailboxCountMax: 10 })
  const wait = deferred()
  const highs = (): number => tags().filter((tag) => tag === 'MailboxHigh').length
  a.receive = () => wait.promise
  for (let i = 0; i < 9; i++) a.cell.tell('x')
  await settle()
  t.equal(highs(), 1)
  for (let i = 0; i < 3; i++) a.cell.tell('y')
  t.equal(highs(), 1, 'still high')
  a.receive = () => undefined
  wait.resolve()
  await settle()
  for (let i = 0; i < 8; i++) a.cell.tell('z')
  t.equal(highs(), 2)
})

t.test('mailbox - what cannot be is refused where it is declared', async (t) => {
  const of = (mailbox: object) => () =>
    behavior(nodeProtocol('p', {}), { init: () => 0, on: {}, mailbox: mailbox as MailboxOptions })
  t.throws(of({ countMax: 0 }), /"p": mailbox\.countMax: expected a whole number, 1 or more/)
  t.throws(of({ stashCountMax: 1.5 }), /mailbox\.stashCountMax/)
  t.throws(of({ overflow: 'block' }), /mailbox\.overflow: expected one of reject, drop-oldest/)
})

const Door = nodeProtocol('door', {
  Open: message(),
  In: message({ n: io.number }),
  Ask: message({ n: io.number }).replies(io.number),
  Seen: message().reads(io.array(io.number)),
  Crash: message(),
})
interface Hall {
  readonly isOpen: boolean
  readonly seen: readonly number[]
}
const door = (mailbox: MailboxOptions = {}) =>
  behavior(Door, {
    init: (): Hall => ({ isOpen: false, seen: [] }),
    mailbox,
    on: {
      Open: (hall) => next({ ...hall, isOpen: true }, act.unstash()),
      In: (hall, { n }) => (hall.isOpen ? next({ ...hall, seen: [...hall.seen, n] }) : stash(hall)),
      Ask: (hall, { n }) => (hall.isOpen ? reply({ ...hall, seen: [...hall.seen, n] }, n) : stash(hall)),
      Seen: (hall) => [...hall.seen],
      Crash: () => {
        throw new Error('expected in this test')
      },
    },
  })
const doorOf = (kernel: Bed['kernel'], mailbox?: MailboxOptions) => {
  const it = startActor(kernel, door(mailbox), 'door')
  return { ...it, ref: it.actor.ref as unknown as LocalRef<'door'> }
}

t.test('stash - what was set aside comes back before the mail, in order', async (t) => {
  const { kernel, settle } = bed()
  const { ref } = doorOf(kernel)
  for (const n of [1, 2]) ref.tell(Door.In({ n }))
  const asked = ref.ask(Door.Ask({ n: 3 }))
  await settle()
  t.match(kernel.counts(), { waiting: 3, handled: 0 })
  ref.tell(Door.Open())
  ref.tell(Door.In({ n: 4 }))
  await settle()
  const seen = ref.ask(Door.Seen())
  await settle()
  t.same(await seen, [1, 2, 3, 4])
  t.equal(await asked, 3)
  t.match(kernel.counts(), { waiting: 0, deadLetters: 0 })
})

t.test('stash - an ask keeps its deadline, and its reqId is applied once', async (t) => {
  const { clock, kernel, settle } = bed()
  const { ref } = doorOf(kernel)
  const late = reasonOf(ref.ask(Door.Ask({ n: 1 }), { timeoutMs: 100 }))
  const once = [1, 2].map(() => ref.ask(Door.Ask({ n: 2 }), { reqId: 'r', timeoutMs: 1_000 }))
  await settle()
  clock.advance(110)
  t.match(await late, { tag: 'AskTimeout' })
  ref.tell(Door.Open())
  await settle()
  t.same(await Promise.all(once), [2, 2])
  const seen = ref.ask(Door.Seen())
  await settle()
  t.same(await seen, [2])
})

t.test('stash - it is bounded: one more is Overloaded, or a dead letter', async (t) => {
  const { kernel, settle } = bed()
  const { ref } = doorOf(kernel, { stashCountMax: 1 })
  ref.tell(Door.In({ n: 1 }))
  ref.tell(Door.In({ n: 2 }))
  const asked = reasonOf(ref.ask(Door.Ask({ n: 3 })))
  await settle()
  t.match(await asked, { tag: 'Overloaded' })
  t.match(kernel.counts(), { waiting: 1, errors: 1, byReason: { 'stash-full': 1 } })
  t.equal(kernel.ledger.reached.stashCountMax, 2)
})

t.test('stash - a restart brings it back first, and a stop answers it', async (t) => {
  const { kernel, settle } = bed()
  const { ref, actor } = doorOf(kernel)
  ref.tell(Door.In({ n: 1 }))
  ref.tell(Door.Crash())
  ref.tell(Door.In({ n: 2 }))
  await settle()
  actor.begin(() => undefined)
  await settle()
  ref.tell(Door.Open())
  const seen = ref.ask(Door.Seen())
  await settle()
  t.same(await seen, [1, 2])
  const other = bed()
  const stopped = doorOf(other.kernel)
  stopped.ref.tell(Door.In({ n: 1 }))
  const asked = reasonOf(stopped.ref.ask(Door.Ask({ n: 1 })))
  await other.settle()
  stopped.actor.close({ tag: 'shutdown' })
  t.match(await asked, { tag: 'NoRecipient' })
  t.match(other.kernel.counts(), { waiting: 0, deadLetters: 1, byReason: { stopped: 1 } })
})
