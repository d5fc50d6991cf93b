import { chmodSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { findNatsServer, startNatsServer } from '../../bin/nats-server.js'
import { chooseTransport } from '../../bin/transport-choice.js'
import { isAlive, keeper } from '../fixtures/launcher.js'
import { eventually, hasNatsServer } from '../fixtures/nats-server.js'

const skip = hasNatsServer() ? false : 'not a machine with nats-server: install it to run these'

const skipParent =
  process.platform === 'linux' ? skip : 'not a machine with nats-server: only Linux tells a parent here'

const put = (directory: string, text = '#!/bin/sh\nexit 3\n', mode = 0o755): string => {
  mkdirSync(directory, { recursive: true })
  const path = join(directory, 'nats-server')
  writeFileSync(path, text)
  chmodSync(path, mode)
  return path
}

t.test(
  'nats-server - is looked for on the PATH, in the system’s directories, then in the cache',
  async (t) => {
    const root = t.testdir({})
    const [path, system, cache] = ['path', 'system', 'cache'].map((name) => join(root, name)) as [
      string,
      string,
      string,
    ]
    const find = () => findNatsServer({ PATH: path, XDG_CACHE_HOME: cache }, [system])
    t.equal(find(), undefined)
    const cached = put(join(cache, 'tumen'))
    t.equal(find(), cached)
    const ofSystem = put(system)
    t.equal(find(), ofSystem)
    put(path, 'not for running', 0o644)
    t.equal(find(), ofSystem, 'a file that cannot be run is passed over')
    const onPath = put(path)
    t.equal(find(), onPath)
  },
)

t.test('nats-server - where there is none, memory is used and said', async (t) => {
  const said: string[] = []
  const choice = await chooseTransport(
    {},
    (line) => said.push(line),
    () => undefined,
  )
  t.same(choice, { transport: 'memory', url: null, server: undefined })
  t.match(said, [/^There is no nats-server .* on memory\. tumen nats install fetches one/])
})

t.test('nats-server - one that does not start is said with its own last words', async (t) => {
  const path = put(t.testdirName, '#!/bin/sh\necho first >&2\necho "no room" >&2\nexit 3\n')
  await t.rejects(startNatsServer(path, keeper), { message: `${path} ended with 3: no room` })
})

t.test(
  'nats-server - runs on loopback with a store of its own, and leaves nothing behind',
  { skip },
  async (t) => {
    const server = await startNatsServer(findNatsServer() ?? '', keeper)
    t.teardown(() => server.stop())
    t.match(server.url, /^nats:\/\/127\.0\.0\.1:\d+$/)
    t.ok(isAlive(server.pid))
    let said = ''
    server.onExit((sentence) => {
      said = sentence
    })
    await server.stop()
    t.notOk(isAlive(server.pid))
    t.notOk(existsSync(server.directory))
    t.equal(said, '', 'it was told to')
  },
)

t.test(
  'nats-server - one whose keeper is killed is ended, and that is said',
  { skip: skipParent },
  async (t) => {
    const server = await startNatsServer(findNatsServer() ?? '', keeper)
    t.teardown(() => server.stop())
    const said = new Promise<string>((resolve) => server.onExit(resolve))
    process.kill(Number(readFileSync(`/proc/${server.pid}/stat`, 'utf8').split(' ')[3]), 'SIGKILL')
    t.match(await said, /nats-server ended with its keeper/)
    await eventually('the server is gone', () => !isAlive(server.pid))
  },
)
