import { spawnSync } from 'node:child_process'
import { chmodSync, existsSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import {
  findState,
  livingStates,
  removeState,
  requireOwnDirectory,
  type UpState,
  writeState,
} from '../../bin/state-file.js'

const state: UpState = {
  cluster: 'game',
  pid: process.pid,
  transport: 'nats',
  natsUrl: 'nats://127.0.0.1:1',
  natsPid: null,
  nodes: [{ name: 'n1', pid: process.pid }],
  controlUrl: 'http://127.0.0.1:2',
  token: 'secret',
}
const mode = (path: string): number => statSync(path).mode & 0o777

t.test('state file - only its user can read it, and it is found again', async (t) => {
  const directory = join(t.testdir({}), 'tumen')
  writeState(state, directory)
  t.equal(mode(directory), 0o700)
  t.equal(mode(join(directory, 'game.json')), 0o600)
  t.same(findState('game', directory), state)
  t.same(findState(undefined, directory), state)
  writeState({ ...state, nodes: [] }, directory)
  t.same(findState('game', directory).nodes, [])
  t.equal(mode(join(directory, 'game.json')), 0o600)
})

t.test('state file - a directory that others can enter is closed first', async (t) => {
  const directory = t.testdir({})
  chmodSync(directory, 0o755)
  writeState(state, directory)
  t.equal(mode(directory), 0o700)
})

t.test('state file - it is removed by the process that wrote it, and by no other', async (t) => {
  const directory = t.testdir({})
  writeState(state, directory)
  removeState('game', process.pid + 1, directory)
  t.ok(existsSync(join(directory, 'game.json')))
  removeState('game', process.pid, directory)
  t.notOk(existsSync(join(directory, 'game.json')))
  removeState('game', process.pid, directory)
})

t.test('state file - one whose process is gone is ignored, and so is rubbish', async (t) => {
  const directory = t.testdir({ 'rubbish.json': '{', 'other.json': '{"cluster":3}' })
  const { pid } = spawnSync(process.execPath, ['-e', ''])
  writeState({ ...state, pid }, directory)
  t.same(livingStates(directory), [])
  t.throws(() => findState('game', directory), { message: /^No cluster "game" runs on this machine/ })
})

t.test('state file - one that cannot be read is named where it may be the one that is meant', async (t) => {
  const directory = t.testdir({ 'rubbish.json': '{', 'folder.json': {} })
  const isNone = /rubbish\.json is no state file of this version: end its tumen up, then remove the file\.$/
  t.throws(() => findState('rubbish', directory), { message: isNone })
  t.throws(() => findState('folder', directory), {
    message: /folder\.json cannot be read: it is a directory/,
  })
  t.throws(() => findState(undefined, directory), { message: /folder\.json cannot be read/ })
  t.throws(() => findState('game', directory), { message: /^No cluster "game" runs/ })
  writeState(state, directory)
  t.equal(findState(undefined, directory).cluster, 'game', 'one that runs is found all the same')
})

t.test('state file - a directory that cannot be made is named', async (t) => {
  const directory = t.testdir({ file: '' })
  t.throws(() => requireOwnDirectory(join(directory, 'file', 'tumen')), {
    message: /tumen cannot be made: a part of its path is no directory\. Set XDG_RUNTIME_DIR/,
  })
})

t.test('state file - of several clusters one must be named', async (t) => {
  const directory = t.testdir({})
  writeState(state, directory)
  writeFileSync(
    join(directory, 'b.json'),
    readFileSync(join(directory, 'game.json'), 'utf8').replace('game', 'b'),
  )
  t.throws(() => findState(undefined, directory), { message: /More than one cluster .*--cluster NAME/ })
  t.equal(findState('b', directory).cluster, 'b')
})
