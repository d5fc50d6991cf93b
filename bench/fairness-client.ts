/** Requests one after the other to the server of `fairness`, and how long each took. */
import { Agent, request } from 'node:http'

const [port, count] = process.argv.slice(2).map(Number)
const agent = new Agent({ keepAlive: true, maxSockets: 1 })

const one = (): Promise<number> =>
  new Promise((done, fail) => {
    const since = performance.now()
    request({ port, host: '127.0.0.1', agent }, (response) => {
      response.resume()
      response.on('end', () => done(performance.now() - since))
    })
      .on('error', fail)
      .end()
  })

process.once('message', async () => {
  const took: number[] = []
  for (let i = 0; i < (count ?? 0); i++) took.push(await one())
  process.send?.(took, () => process.disconnect())
  agent.destroy()
})
await one()
process.send?.('ready')
