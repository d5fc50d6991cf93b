import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { endOrphan } from '../../bin/orphan.js'
import { takeStale, writeState } from '../../bin/state-file.js'
import { isAlive } from '../fixtures/launcher.js'

const skip =
  process.platform === 'linux' ? false : 'not a machine with nats-server: only Linux shows command lines'

/** A process with a command line like that of a nats-server. */
const stand = (t: Test, config: string) => {
  const child = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)', '--', '-c', config], {
    stdio: 'ignore',
  })
  t.teardown(() => void child.kill('SIGKILL'))
  return { child, pid: child.pid ?? 0, ended: once(child, 'exit') }
}

t.test('orphan - a server that its tumen up left behind is ended, with its store', { skip }, async (t) => {
  const directory = join(t.testdir({ 'tumen-up-nats-abc': { 'server.conf': '' } }), 'tumen-up-nats-abc')
  const { pid, ended } = stand(t, join(directory, 'server.conf'))
  endOrphan(pid)
  await ended
  t.notOk(isAlive(pid))
  t.notOk(existsSync(directory))
})

t.test('orphan - any other process that has the number now is left alone', { skip }, async (t) => {
  const directory = t.testdir({ 'server.conf': '' })
  const { pid } = stand(t, join(directory, 'server.conf'))
  endOrphan(pid)
  endOrphan(2 ** 22 + 1)
  t.ok(isAlive(pid))
  t.ok(existsSync(join(directory, 'server.conf')))
})

t.test('orphan - the state file of a tumen up that was killed is taken away once', async (t) => {
  const directory = t.testdir({})
  const child = spawn(process.execPath, ['-e', ''], { stdio: 'ignore' })
  await once(child, 'exit')
  const state = {
    cluster: 'game',
    pid: child.pid ?? 0,
    transport: 'nats',
    natsUrl: null,
    natsPid: 7,
    nodes: [],
  }
  writeState({ ...state, controlUrl: '', token: '' }, directory)
  t.match(takeStale(directory), [{ cluster: 'game', natsPid: 7 }])
  t.same(takeStale(directory), [])
})
