import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import type { UpState } from '../../bin/state-file.js'
import { isAlive, launchedApp, Place } from '../fixtures/launcher.js'
import { eventually, hasNatsServer } from '../fixtures/nats-server.js'

const skip = hasNatsServer() ? false : 'not a machine with nats-server: install it to run these'
t.setTimeout(300_000)
const isReady = /Ctrl-C ends everything/

const stateOf = (place: Place): UpState => {
  const directory = join(place.runtime, 'tumen')
  const [file = ''] = readdirSync(directory)
  t.equal(statSync(join(directory, file)).mode & 0o777, 0o600)
  return JSON.parse(readFileSync(join(directory, file), 'utf8')) as UpState
}

/** What works the same over NATS and in one process. */
const speaks = async (t: Test, place: Place): Promise<void> => {
  const run = async (...args: string[]) => place.run(args)
  const status = JSON.parse((await run('status', '--json')).stdout) as {
    nodes: { name: string; isUp: boolean }[]
  }
  t.same(
    status.nodes.map(({ name, isUp }) => [name, isUp]),
    [
      ['n1', true],
      ['n2', true],
      ['n3', true],
    ],
  )
  t.match((await run('status')).stdout, /^node +status +release +pid +entities +shards +mirrored$/m)
  t.match((await run('status')).stdout, /^n2 +beside +n2$/m, 'with what the app opened')
  t.match((await run('tree', 'n1')).stdout, /counters {2}supervisor one_for_one, running/)
  t.equal((await run('ask', 'counter', 'a', '{"Add":{"n":3}}')).stdout.trim(), '3')
  t.equal((await run('tell', 'counter', 'a', '{"Bump":{"n":4}}')).stdout.trim(), 'told counter/a')
  t.same(JSON.parse((await run('ask', 'counter', 'a', 'Total', '--json')).stdout), { reply: 7 })
  t.match(
    (await run('where', 'counter', 'a')).stdout,
    /^counter\/a is on n[123]#1 \(epoch \d+\), mirrored by n[123]#1; shard counter\.\d+$/m,
  )
  t.match((await run('entities', 'counter')).stdout, /^id +node\na +n[123]#1\n\n1 of 1$/m)
  t.same(JSON.parse((await run('entities', 'counter', '--limit', '1', '--json')).stdout).total, 1)
  const refused = await run('ask', 'counter', 'a', '{"Add":{"n":101}}')
  t.same([refused.code, refused.stdout.trim()], [3, 'refused: {"code":"TOO_MUCH"}'])
  const wrong: readonly (readonly [string[], RegExp])[] = [
    [['ask', 'countr', 'a', 'Total'], /no kind "countr"; did you mean "counter"\?/],
    [['ask', 'counter', 'a', 'Totl'], /knows no message "Totl"; did you mean "Total"\?/],
    [['ask', 'counter', 'a', 'total'], /knows no message "total"; did you mean "Total"\?/],
    [['ask', 'counter', 'a', '{"_tag":"total"}'], /there is no "_tag"; did you mean '{"Total":null}'\?/],
    [['ask', 'counter', 'a', '{"type":"add","n":3}'], /did you mean '{"Add":{"n":3}}'\?/],
    [['ask', 'counter', 'a', 'Zork'], /knows no message "Zork"; it knows Add, Bump, Total\./],
    [['ask', 'counter', 'a', 'Add'], /counter\.Add: n: expected number/],
    [['ask', 'counter', 'a', '{"Add":{"n":"x"}}'], /counter\.Add: n: expected number/],
    [['ask', 'counter', 'a', '{"Bump":{"n":1}}'], /counter\.Bump has no reply: use tumen tell/],
    [['tell', 'counter', 'a', 'Total'], /counter\.Total has a reply: use tumen ask/],
    [['drain', 'n9'], /No node "n9" was started by tumen up here/],
  ]
  for (const [args, sentence] of wrong) {
    const { code, stderr } = await place.run(args)
    t.match(stderr, sentence)
    t.equal(code, 2)
  }
}

t.test(
  'launcher - up over NATS: other terminals see it, speak with it, kill and drain its nodes',
  { skip, timeout: 120_000 },
  async (t) => {
    const place = new Place(t)
    const up = place.start(['up', launchedApp])
    await up.says(isReady)
    t.match(up.stderr, /n1 is ready, process \d+, beside n1/)
    const state = stateOf(place)
    t.equal(state.transport, 'nats')
    await speaks(t, place)

    const again = await place.run(['up', launchedApp])
    t.match(again.stderr, /Cluster "tumen" runs already \(process \d+\)/)
    t.equal(again.code, 1)
    const broken = await place.run(['up', `${place.runtime}/nothing.js`])
    t.match(broken.stderr, /There is no file/, 'a mistake in the app comes first')

    t.equal((await place.run(['kill', 'n2'])).stdout.trim(), 'n2 was killed')
    await up.says(/Node n2 ended \(SIGKILL\); it is started again\./)
    await up.says(/Node n2 is ready again\./)
    t.equal((await place.run(['drain', 'n1'])).stdout.trim(), 'n1 has left')
    await up.says(/Node n1 has left: tumen start n1 starts it again\./)
    t.match((await place.run(['status'])).stdout, /^n1 +down/m)
    t.equal((await place.run(['ask', 'counter', 'a', 'Total'])).stdout.trim(), '7')

    const observe = ['--nats', state.natsUrl ?? '', '--cluster', 'tumen']
    t.equal((await place.run(['ask', 'counter', 'a', 'Total', ...observe])).stdout.trim(), '7')
    t.match((await place.run(['status', ...observe])).stdout, /n3#1 +ready/)
    const kill = await place.run(['kill', 'n3', ...observe])
    t.match(kill.stderr, /Only the tumen up of this machine can kill its nodes/)

    t.equal((await place.run(['drain', 'n2', ...observe])).stdout.trim(), 'n2 has left')
    await up.says(/Node n2 has left/)
    for (const way of [[], observe]) {
      const last = await place.run(['drain', 'n3', ...way])
      t.match(last.stderr, /^n3 is the last node: what is only in memory ends with it/)
      t.equal(last.code, 1)
    }
    t.equal((await place.run(['start', 'n1'])).stdout.trim(), 'n1 is ready')
    t.match((await place.run(['start', 'n1'])).stderr, /^Node n1 runs already\.$/m)
    t.equal((await place.run(['drain', 'n3'])).stdout.trim(), 'n3 has left', 'it is the last no more')
    t.equal((await place.run(['ask', 'counter', 'a', 'Total'])).stdout.trim(), '7', 'n1 took over')

    up.signal('SIGINT')
    const { code } = await up.end()
    t.equal(code, 0)
    t.notOk(existsSync(join(place.runtime, 'tumen', 'tumen.json')), 'the state file is gone')
    const left = [state.natsPid ?? 0, ...state.nodes.map(({ pid }) => pid)].filter(isAlive)
    t.same(left, [], 'no process is left')
  },
)

t.test(
  'launcher - up in one process on memory: the same from other terminals',
  { timeout: 120_000 },
  async (t) => {
    const place = new Place(t)
    const up = place.start(['up', launchedApp, '--memory'])
    await up.says(isReady)
    t.equal(stateOf(place).transport, 'memory')
    await speaks(t, place)
    t.equal((await place.run(['kill', 'n2'])).stdout.trim(), 'n2 was killed')
    t.equal((await place.run(['ask', 'counter', 'a', 'Total'])).stdout.trim(), '7')
    await up.says(/Node n2 ended \(dropped\); it is started again\./)
    up.signal('SIGTERM')
    t.equal((await up.end()).code, 0)
  },
)

t.test('launcher - of an up that is killed nothing stays behind', { skip, timeout: 60_000 }, async (t) => {
  const place = new Place(t)
  const up = place.start(['up', launchedApp, '--nodes', '2'])
  await up.says(isReady)
  const { natsPid, nodes } = stateOf(place)
  const pids = [natsPid ?? 0, ...nodes.map(({ pid }) => pid)]
  const store = /-c\0(.*)\/server\.conf/.exec(readFileSync(`/proc/${natsPid}/cmdline`, 'utf8'))?.[1] ?? ''
  t.ok(existsSync(store))
  t.same(pids.filter(isAlive), pids)
  up.signal('SIGKILL')
  await up.end()
  await eventually('all of it is gone', () => pids.every((pid) => !isAlive(pid)) && !existsSync(store))
  t.equal((await place.run(['up', launchedApp, '--cluster', '-'])).code, 2)
  const next = place.start(['up', launchedApp, '--nodes', '1'])
  await next.says(isReady)
})

t.test('launcher - told to end before it is ready, it ends', { skip, timeout: 60_000 }, async (t) => {
  const place = new Place(t)
  const up = place.start(['up', launchedApp])
  await up.says(/^Started .*nats-server/)
  const natsPid = Number(/process (\d+)/.exec(up.stderr)?.[1])
  up.signal('SIGINT')
  t.equal((await up.end()).code, 0)
  t.notOk(isAlive(natsPid))
  t.notMatch(up.stderr, isReady)
  t.same(readdirSync(join(place.runtime, 'tumen')), [], 'no state file is left')
})

t.test('launcher - a second signal ends everything at once', { skip, timeout: 60_000 }, async (t) => {
  const place = new Place(t)
  const up = place.start(['up', launchedApp])
  await up.says(isReady)
  const { natsPid, nodes } = stateOf(place)
  up.signal('SIGINT')
  await up.says(/A second Ctrl-C ends them at once/)
  up.signal('SIGINT')
  const { code } = await up.end()
  t.ok(code === 130 || code === 0, 'it ended, or had just finished')
  t.same([natsPid ?? 0, ...nodes.map(({ pid }) => pid)].filter(isAlive), [])
})

t.test(
  'launcher - a node tells its health, drains on SIGTERM and leaves',
  { skip, timeout: 60_000 },
  async (t) => {
    const place = new Place(t)
    const up = place.start(['up', launchedApp, '--nodes', '1'])
    await up.says(isReady)
    const url = stateOf(place).natsUrl ?? ''
    const port = 20_000 + (process.pid % 20_000)
    const args = ['node', launchedApp, '--nats', url, '--name', 'guest', '--health', `${port}`, '--json']
    const node = place.start(args)
    await node.says(/Node guest#1 of cluster "tumen" is ready: nats-server /)
    await node.says(/beside: guest/)
    await node.says(/"beside":"guest"\}\}\n/)
    t.match(JSON.parse(node.stdout), { node: 'guest#1', cluster: 'tumen', info: { beside: 'guest' } })
    t.same(await (await fetch(`http://127.0.0.1:${port}/`)).json(), {
      live: true,
      ready: true,
      draining: false,
    })
    const second = await place.run(args.map((arg) => (arg === 'guest' ? 'other' : arg)))
    t.match(second.stderr, new RegExp(`port ${port} on 127\\.0\\.0\\.1 is in use`))
    t.equal(second.code, 1)
    node.signal('SIGTERM')
    t.equal((await node.end()).code, 0)
    t.match(node.stderr, /Draining; a second signal ends at once\./)
  },
)
