import t from 'tap'
import { give, tickGive } from '../../../lib/ownership/give.js'
import {
  needSet,
  onAck,
  onChange,
  onRead,
  onRefuse,
  flush,
  tickOwner,
  tryRelease,
} from '../../../lib/ownership/owner.js'
import type { Ack } from '../../../lib/ownership/protocol.js'
import type { Action } from '../../../lib/ownership/state.js'
import {
  change,
  decided,
  did,
  limits,
  others,
  owner,
  read,
  record,
  releasedOf,
  sentOf,
  type Side,
  writtenOf,
} from '../../fixtures/shard.js'

const changes = (side: Side, ...seqs: number[]): Action[] =>
  side.run((context) => {
    for (const seq of seqs) onChange(side.shard, change(seq), context)
    tryRelease(side.shard, context)
    flush(side.shard, context, false)
  })
const acks = (side: Side, from: string, seq: number, more: Partial<Ack> = {}): Action[] => {
  const session = side.shard.peers.get(from)?.session ?? 0
  return side.run((context) => onAck(side.shard, from, { epoch: 1, session, t0: 0, seq, ...more }, context))
}
const ticks = (side: Side, choice?: string, staying?: (node: string) => boolean): Action[] =>
  side.run((context) => {
    tickGive(side.shard, others(choice, staying), context)
    tickOwner(side.shard, others(choice, staying), context)
  })

t.test('rule 4 - a change is applied at once and its outputs are held', async (t) => {
  const side = owner(['b#1'])
  const actions = changes(side, 1, 2)
  t.same(releasedOf(actions), [])
  t.match(side.shard.copy, { seq: 2, released: 0 })
})

t.test(
  'rule 5 - each mirror is sent what it has not been sent, with epoch, session, clock and released',
  async (t) => {
    const side = owner(['b#1'])
    side.now = 40
    const [first] = sentOf(changes(side, 1, 2), 'append')
    t.match(first, {
      to: 'b#1',
      message: { epoch: 1, session: 1, t0: 40, released: 0, entries: [{ seq: 1 }, { seq: 2 }] },
    })
    acks(side, 'b#1', 2)
    const [next] = sentOf(changes(side, 3), 'append')
    t.match(
      next?.message.entries.map(({ seq }) => seq),
      [3],
    )
    t.equal(next?.message.released, 2)
  },
)

t.test(
  'rule 5 - the need set is the in-sync set, that of a change under way, and joiners that caught up',
  async (t) => {
    const side = owner(['b#1'], 2)
    const needs = (): string[] => [...side.run(() => undefined), ...needSetOf(side)] as string[]
    t.same(needs(), ['b#1'])
    ticks(side, 'c#1')
    t.equal(side.shard.joiner, 'c#1')
    t.same(needs(), ['b#1'], 'not before it has caught up')
    acks(side, 'c#1', 0)
    t.same(needs(), ['b#1', 'c#1'], 'from then on')
    t.match(writtenOf(ticks(side)), [{ purpose: 'set', record: { insync: ['b#1', 'c#1'] } }])
    t.same(needs(), ['b#1', 'c#1'], 'while the change is under way')
    decided(side)
    t.same(needs(), ['b#1', 'c#1'])
  },
)
const needSetOf = (side: Side): string[] => {
  let seen: readonly string[] = []
  side.run((context) => {
    seen = needSet(side.shard, context)
  })
  return [...seen]
}

t.test('rule 5 - one that is being removed counts until the removal is decided', async (t) => {
  const side = owner(['b#1', 'c#1'])
  changes(side, 1)
  acks(side, 'b#1', 1)
  t.match(writtenOf(ticks(side, 'none', (node) => node !== 'c#1')), [{ record: { insync: ['b#1'] } }])
  t.same(releasedOf(ticks(side)), [], 'not while it is under way')
  t.same(releasedOf(decided(side)), [1])
})

t.test('rule 6 - commit is the lowest of all acknowledgements, never any one', async (t) => {
  const side = owner(['b#1', 'c#1'])
  changes(side, 1, 2, 3)
  t.same(releasedOf(acks(side, 'b#1', 3)), [])
  t.same(releasedOf(acks(side, 'c#1', 2)), [1, 2])
  t.same(releasedOf(acks(side, 'c#1', 3)), [3])
})

t.test('rule 6 - with an empty need set it is my own seq', async (t) => {
  t.same(releasedOf(changes(owner([]), 1, 2)), [1, 2])
})

t.test(
  'rule 7 - nothing leaves while the lease is over, and all of it in order when it holds again',
  async (t) => {
    const side = owner(['b#1'])
    changes(side, 1, 2)
    side.leaseHolds = false
    t.same(releasedOf(acks(side, 'b#1', 2)), [])
    t.same(ticks(side), [], 'nor is anything else done')
    side.leaseHolds = true
    t.same(releasedOf(ticks(side)), [1, 2])
  },
)

t.test('rule 7 - nothing leaves on a record that is not mine, or of another epoch', async (t) => {
  const side = owner([])
  const mine = side.shard.record
  side.shard.record = record(2, { owner: 'c#1' })
  t.same(releasedOf(changes(side, 1)), [])
  side.shard.record = record(2, { epoch: 2 })
  t.same(releasedOf(ticks(side)), [])
  side.shard.record = mine
  t.same(releasedOf(ticks(side)), [1])
})

t.test('rule 7 - nothing leaves before the read leases are over that I gave as a mirror', async (t) => {
  const side = owner([])
  side.shard.readyAt = 375
  side.now = 374
  t.same(releasedOf(changes(side, 1)), [])
  side.now = 375
  t.same(releasedOf(ticks(side)), [1])
})

t.test('rule 8 - a read is answered at once under a read lease of every mirror', async (t) => {
  const side = owner(['b#1', 'c#1'])
  side.now = 100
  acks(side, 'b#1', 0, { t0: 90 })
  acks(side, 'c#1', 0, { t0: 90 })
  side.now = 390
  t.ok(
    did(
      side.run((context) => onRead(side.shard, read(390), context)),
      'answer',
    ),
  )
  side.now = 391
  t.notOk(
    did(
      side.run((context) => onRead(side.shard, read(391), context)),
      'answer',
    ),
    'they have run out',
  )
})

t.test(
  'rule 8 - else when each mirror has acknowledged something sent after the read was taken',
  async (t) => {
    const side = owner(['b#1', 'c#1'])
    side.now = 1_000
    side.run((context) => onRead(side.shard, read(1_000), context))
    side.now = 2_000
    t.notOk(did(acks(side, 'b#1', 0, { t0: 1_000 }), 'answer'), 'one is not enough')
    t.notOk(did(acks(side, 'c#1', 0, { t0: 999 }), 'answer'), 'nor one that was sent before')
    t.ok(did(acks(side, 'c#1', 0, { t0: 1_001 }), 'answer'))
  },
)

t.test('rule 8 - never before every change that it saw is released', async (t) => {
  const side = owner(['b#1'])
  changes(side, 1)
  side.run((context) => onRead(side.shard, read(0, 1), context))
  t.notOk(did(acks(side, 'b#1', 0, { t0: 0 }), 'answer'))
  t.ok(did(acks(side, 'b#1', 1, { t0: 0 }), 'answer'))
})

t.test('rule 8 - a remembered reply waits for its change only', async (t) => {
  const side = owner(['b#1'])
  changes(side, 1)
  side.run((context) => onRead(side.shard, read(5_000, 1, false), context))
  t.ok(did(acks(side, 'b#1', 1, { t0: 0 }), 'answer'))
})

t.test('rule 9 - a refusal with a higher epoch makes me read the record', async (t) => {
  const side = owner(['b#1'])
  const refusal = { epoch: 1, session: 1, known: 4, why: 'stale' } as const
  t.same(
    side.run((context) => onRefuse(side.shard, 'b#1', refusal, context)),
    [{ do: 'read-record' }],
  )
  t.same(
    side.run((context) => onRefuse(side.shard, 'b#1', { ...refusal, epoch: 9 }, context)),
    [],
    'of mine only',
  )
  const lost = side.sees(record(4, { owner: 'b#1' }))
  t.match(lost, [{ do: 'stepped-down' }])
  t.equal(side.shard.role, 'none')
})

t.test('rule 9 - what was held when I step down is dropped, for its askers to ask again', async (t) => {
  const side = owner(['b#1'])
  changes(side, 1, 2, 3)
  acks(side, 'b#1', 1)
  const [down] = side.sees(record(4, { owner: 'b#1' })).filter((action) => action.do === 'stepped-down')
  t.same(down?.do === 'stepped-down' && down.dropped.map(({ seq }) => seq), [2, 3])
})

t.test('rule 10 - what is not acknowledged is sent again, from the first that is missing', async (t) => {
  const side = owner(['b#1'])
  changes(side, 1, 2)
  acks(side, 'b#1', 1)
  side.now = limits.mirrorResendMs - 1
  t.same(sentOf(ticks(side), 'append'), [])
  side.now = limits.mirrorResendMs
  t.match(sentOf(ticks(side), 'append'), [{ message: { entries: [{ seq: 2 }] } }])
})

t.test(
  'rule 10 - a mirror that has taken nothing later is slow: it is sent nothing again soon',
  async (t) => {
    const side = owner(['b#1'])
    changes(side, 1, 2)
    acks(side, 'b#1', 1)
    const slowMs = Math.min(4 * limits.mirrorResendMs, limits.mirrorLateMs / 2)
    side.echo = side.shard.peers.get('b#1')?.sentAt ?? -1
    side.now = slowMs - 1
    t.same(sentOf(ticks(side), 'append'), [])
    side.now = slowMs
    t.match(sentOf(ticks(side), 'append'), [{ message: { entries: [{ seq: 2 }] } }])
  },
)

t.test(
  'rule 10 - a late mirror is waited for until its removal is decided, and only then told to drop',
  async (t) => {
    const side = owner(['b#1'])
    changes(side, 1)
    side.now = limits.mirrorLateMs
    t.same(writtenOf(ticks(side)), [])
    side.now++
    const tick = ticks(side)
    t.match(writtenOf(tick), [{ purpose: 'set', version: 2, record: { insync: [], epoch: 1, gen: 1 } }])
    t.same(sentOf(tick, 'drop'), [])
    t.same(releasedOf(acks(side, 'b#1', 0)), [])
    const after = decided(side)
    t.match(sentOf(after, 'drop'), [{ to: 'b#1', message: { epoch: 1, session: 1 } }])
    t.same(releasedOf(after), [1])
  },
)

t.test('rule 10 - a mirror with nothing to acknowledge is never late', async (t) => {
  const side = owner(['b#1'])
  side.now = 100_000
  t.same(writtenOf(ticks(side)), [])
})

t.test('rule 10 - a mirror that goes is replaced in one record change', async (t) => {
  const side = owner(['b#1'])
  side.gone.add('b#1')
  const stays = (node: string): boolean => node !== 'b#1'
  t.match(
    ticks(side, 'c#1', stays),
    [{ do: 'fill', to: 'c#1' }],
    'nothing is written before the other is filled',
  )
  acks(side, 'c#1', 0)
  t.match(writtenOf(ticks(side, 'c#1', stays)), [{ purpose: 'set', record: { insync: ['c#1'] } }])
})

t.test(
  'rule 10 - a joiner that does not catch up in time is given up, and what goes is removed',
  async (t) => {
    const side = owner(['b#1'])
    const stays = (node: string): boolean => node !== 'b#1'
    ticks(side, 'c#1', stays)
    side.now = 2 * limits.mirrorLateMs + 1
    t.match(writtenOf(ticks(side, 'c#1', stays)), [{ record: { insync: [] } }])
    t.equal(side.shard.joiner, null)
  },
)

t.test('rule 10 - a joiner counts as caught up when it has acknowledged my present seq', async (t) => {
  const side = owner([], 1)
  ticks(side, 'c#1')
  changes(side, 1, 2)
  acks(side, 'c#1', 1)
  t.same(writtenOf(ticks(side)), [])
  acks(side, 'c#1', 2)
  t.match(writtenOf(ticks(side)), [{ record: { insync: ['c#1'] } }])
})

t.test('rule 10 - while too many are being filled the owner waits', async (t) => {
  const side = owner([], 1)
  t.same(ticks(side, 'later'), [])
  t.equal(side.shard.joiner, null)
})

t.test('rule 11 - an acknowledgement of another session or epoch counts for nobody', async (t) => {
  const side = owner(['b#1'])
  changes(side, 1)
  t.same(releasedOf(acks(side, 'b#1', 1, { session: 9 })), [])
  t.same(releasedOf(acks(side, 'b#1', 1, { epoch: 2 })), [])
  t.same(
    releasedOf(
      side.run((context) => onAck(side.shard, 'z#1', { epoch: 1, session: 1, t0: 0, seq: 1 }, context)),
    ),
    [],
  )
  t.same(releasedOf(acks(side, 'b#1', 1)), [1])
})

t.test('rule 11 - a mirror that asks to be filled is filled under a new session', async (t) => {
  const side = owner(['b#1'])
  const refusal = { epoch: 1, session: 1, known: 1, why: 'fill' } as const
  t.match(
    side.run((context) => onRefuse(side.shard, 'b#1', refusal, context)),
    [{ do: 'fill', to: 'b#1' }],
  )
  t.equal(side.shard.peers.get('b#1')?.session, 2)
  t.same(
    side.run((context) => onRefuse(side.shard, 'b#1', refusal, context)),
    [],
    'once per session',
  )
})

t.test('rule 11 - a fill that is not acknowledged is begun again', async (t) => {
  const side = owner(['b#1'])
  const peer = side.shard.peers.get('b#1')
  if (peer !== undefined) peer.acked = -1
  side.now = 4 * limits.mirrorResendMs - 1
  t.same(ticks(side), [])
  side.now++
  t.match(ticks(side), [{ do: 'fill', to: 'b#1' }])
})

t.test('rule 16 - giving takes one record change, in which I become the mirror', async (t) => {
  const side = owner(['b#1', 'c#1'])
  const actions = side.run((context) => give(side.shard, 'b#1', context))
  t.equal(side.shard.role, 'giving')
  t.match(writtenOf(actions), [
    {
      purpose: 'give',
      version: 2,
      record: { owner: 'b#1', epoch: 2, insync: ['c#1', 'a#1'], gen: 1, born: 1 },
    },
  ])
  t.ok(did(decided(side), 'gave'))
  t.equal(side.shard.role, 'mirror')
  t.match(side.shard.copy, { epoch: 1, session: 0 }, 'its copy is kept')
})

t.test(
  'rule 16 - it is given when all outputs are released and all reads answered, not before',
  async (t) => {
    const side = owner(['b#1'])
    changes(side, 1)
    side.now = 5_000
    side.run((context) => onRead(side.shard, read(5_000, 1), context))
    t.same(writtenOf(side.run((context) => give(side.shard, 'b#1', context))), [])
    side.now = 5_010
    acks(side, 'b#1', 1, { t0: 10 })
    t.same(writtenOf(ticks(side)), [], 'a read waits')
    acks(side, 'b#1', 1, { t0: 5_005 })
    t.same(writtenOf(ticks(side)), [], 'it does not know yet what was released, and would say it again')
    acks(side, 'b#1', 1, { t0: 5_010 })
    t.match(writtenOf(ticks(side)), [{ purpose: 'give' }])
  },
)

t.test(
  'rule 16 - it is not given while mail for it waits; after half the deadline that waits no longer',
  async (t) => {
    const side = owner(['b#1'])
    side.hasMail = true
    t.same(writtenOf(side.run((context) => give(side.shard, 'b#1', context))), [])
    side.now = limits.handoffMs / 2 - 1
    t.same(writtenOf(ticks(side)), [])
    side.now++
    t.match(writtenOf(ticks(side)), [{ purpose: 'give' }])
    const other = owner(['b#1'])
    other.hasMail = true
    other.run((context) => give(other.shard, 'b#1', context))
    other.hasMail = false
    t.match(writtenOf(ticks(other)), [{ purpose: 'give' }], 'it goes when the mail is handled')
  },
)

t.test('rule 16 - if it takes longer than its deadline I am the owner again', async (t) => {
  const side = owner(['b#1'])
  changes(side, 1)
  side.run((context) => give(side.shard, 'b#1', context))
  side.now = limits.handoffMs
  t.notOk(did(ticks(side), 'give-failed'))
  side.now++
  t.ok(did(ticks(side), 'give-failed'))
  t.match(side.shard, { role: 'owner', giveTo: null })
})

t.test(
  'rule 16 - only an in-sync mirror can be given a shard, by its owner, with no change under way',
  async (t) => {
    const side = owner(['b#1'])
    const gives = (to: string): boolean => {
      let isGiving = false
      side.run((context) => {
        isGiving = give(side.shard, to, context)
      })
      return isGiving
    }
    t.notOk(gives('z#1'))
    side.shard.role = 'mirror'
    t.notOk(gives('b#1'))
    side.shard.role = 'owner'
    ticks(side, 'none', () => false)
    t.not(side.shard.writing, null)
    t.notOk(gives('b#1'))
  },
)

t.test('the log keeps what is not released everywhere, and no more than that in the long run', async (t) => {
  const side = owner(['b#1'])
  for (let seq = 1; seq <= 500; seq++) {
    changes(side, seq)
    acks(side, 'b#1', seq)
  }
  t.match(side.shard.copy, { seq: 500, released: 500 })
  t.ok((side.shard.copy?.log.length ?? 0) <= 64)
  Object.assign(side.shard.peers.get('b#1') ?? {}, { sent: 1 })
  t.match(changes(side, 501), [{ do: 'fill' }], 'who needs what is cut off is filled')
})
