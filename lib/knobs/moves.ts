/** The knobs of shards that move. */

const minuteMs = 60_000

export const moveKnobs = {
  detourMsMax: {
    default: 500,
    min: 1,
    max: 10_000,
    meaning:
      'How long mail to a shard that moved waits for mail sent to its old owner. Beyond it order is lost.',
  },
  rebalanceMode: {
    default: 'manual',
    oneOf: ['manual', 'slow'],
    meaning:
      'Whether shards move to new nodes by themselves, in small rounds (slow), or when asked to (manual).',
  },
  rebalanceRoundCountMax: {
    default: 64,
    min: 1,
    max: 65_536,
    meaning: 'Shards that one node moves in a round of a rebalance. More are done sooner.',
  },
  rebalanceMovesCountMax: {
    default: 8,
    min: 1,
    max: 4_096,
    meaning:
      'Shards that one node moves at the same time in a rebalance. More are done sooner and disturb more.',
  },
  rebalancePauseMs: {
    default: 500,
    min: 0,
    max: 60 * minuteMs,
    meaning: 'The pause between two rounds of a rebalance. Longer disturbs less.',
  },
} as const
