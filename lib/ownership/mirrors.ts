/** Sends to the mirrors of shards: changes as they come, and whole copies, in parts that fit into frames. */
import type { NodeId } from '../ids.js'
import type { Envelope } from '../wire/envelope.js'
import { fillOf, isLong, partBytesOf } from './fill.js'
import { mirrorBody, type MirrorMessage } from './protocol.js'
import { isOwning, type Shard } from './state.js'

export class Mirrors {
  /** False when it did not leave. */
  readonly #send: (to: NodeId, envelope: Envelope) => boolean

  readonly #partBytes: number

  constructor(send: (to: NodeId, envelope: Envelope) => boolean, frameBytesMax: number) {
    this.#send = send
    this.#partBytes = partBytesOf(frameBytesMax)
  }

  send(shard: Shard, to: NodeId, message: MirrorMessage): void {
    const body = mirrorBody(message)
    const isSent = this.#send(to, { type: 'mirror', shard: shard.id, verb: message.verb, body })
    // The changes of one turn may be more than a frame takes.
    if (isSent || message.verb !== 'append' || message.entries.length < 2 || !isLong(body, this.#partBytes))
      return
    const half = message.entries.length >> 1
    this.send(shard, to, { ...message, entries: message.entries.slice(0, half) })
    this.send(shard, to, { ...message, entries: message.entries.slice(half) })
  }

  fill(shard: Shard, to: NodeId, now: number): void {
    const peer = shard.peers.get(to)
    if (shard.copy === null || peer === undefined || !isOwning(shard)) return
    const head = { epoch: shard.epoch, session: peer.session, t0: now }
    for (const part of fillOf(shard.copy, head, this.#partBytes))
      this.send(shard, to, { verb: 'fill', ...part })
  }
}
