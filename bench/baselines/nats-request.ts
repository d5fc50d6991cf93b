/** Requests over NATS as a user of nats.js would write them. */
import { connect, JSONCodec } from 'nats'
import { far, keepGoing } from '../far.js'
import { text } from '../far-tree.js'
import type { Side } from '../harness.js'

export const natsRequest = async (inFlight: number, count: number): Promise<Side> => {
  const others = await far()
  await others.start('baselines/nats-responder.js')
  const nc = await connect({ servers: others.url, noAsyncTraces: true })
  const json = JSONCodec<{ text: string }>()
  const one = async (): Promise<string> => {
    const answer = await nc.request('say', json.encode({ text }), { timeout: 5_000 })
    return json.decode(answer.data).text
  }
  return {
    round: () => keepGoing(inFlight, count, one),
    cpuMicros: others.cpuMicros,
    close: async () => {
      await nc.close()
      await others.close()
    },
  }
}
