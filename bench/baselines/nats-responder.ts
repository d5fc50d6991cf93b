/** Answers requests, in a process of its own. */
import { connect, JSONCodec } from 'nats'
import { ready } from '../far.js'

const nc = await connect({ servers: process.argv[2] ?? '', noAsyncTraces: true })
const json = JSONCodec<{ text: string }>()
nc.subscribe('say', {
  callback: (error, message) => {
    if (error === null) message.respond(json.encode({ text: json.decode(message.data).text }))
  },
})
await nc.flush()
ready()
