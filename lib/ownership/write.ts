/** Changes of a shard's record, one at a time. */
import type { NodeId } from '../ids.js'
import type { ShardRecord } from './protocol.js'
import type { Shard, StepContext, WritePurpose } from './state.js'

export const startWrite = (
  shard: Shard,
  purpose: WritePurpose,
  record: ShardRecord,
  context: StepContext,
): void => {
  if (shard.writing !== null) return
  const version = (shard.record?.version ?? 0) + 1
  shard.writing = { purpose, version, record }
  context.act({ do: 'write', writing: shard.writing })
}

/**
 * Begins a shard that has no record, or a new generation of one whose owner and in-sync mirrors are all gone.
 * `insync` begins with an empty copy, as the owner does.
 */
export const found = (shard: Shard, insync: readonly NodeId[], context: StepContext): void => {
  const version = (shard.record?.version ?? 0) + 1
  const gen = (shard.record?.gen ?? 0) + 1
  const nonce = context.nonce()
  startWrite(
    shard,
    'found',
    { owner: context.me, epoch: version, insync, gen, born: version, nonce },
    context,
  )
}
