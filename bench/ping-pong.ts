import * as t from 'io-ts'
import { behavior, type LocalRef, message, next, nodeProtocol } from '../lib/index.js'
import { nactPingPong } from './baselines/nact-local.js'
import type { Bench, Side } from './harness.js'
import { oneNode } from './one-node.js'

const rallyCount = 50_000

const Ping = nodeProtocol('ping', { Ball: message({ left: t.number }) })
const Pong = nodeProtocol('pong', { Ball: message({ left: t.number }) })

const ours = async (): Promise<Side> => {
  let over: () => void = () => undefined
  let ping: LocalRef<'ping'>
  let pong: LocalRef<'pong'>
  const one = behavior(Ping, {
    init: () => 0,
    on: {
      Ball: (hits, { left }) => {
        if (left === 0) over()
        else pong.tell(Pong.Ball({ left: left - 1 }))
        return next(hits + 1)
      },
    },
  })
  const other = behavior(Pong, {
    init: () => 0,
    on: {
      Ball: (hits, { left }) => {
        ping.tell(Ping.Ball({ left }))
        return next(hits + 1)
      },
    },
  })
  const node = await oneNode(one, other)
  ping = node.local(Ping)
  pong = node.local(Pong)
  return {
    round: async () => {
      await new Promise<void>((done) => {
        over = done
        ping.tell(Ping.Ball({ left: rallyCount }))
      })
      return rallyCount * 2
    },
    close: () => node.stop(),
  }
}

/** Messages between two actors that answer each other. */
export const pingPong: Bench = {
  name: 'ping-pong',
  unit: 'messages/s',
  baseline: 'nact dispatch',
  ours,
  theirs: () => nactPingPong(5_000),
}
