import t from 'tap'
import { tooOld } from '../../bin/node-version.js'
import { knobNames } from '../../lib/config.js'
import { launchedApp, Place } from '../fixtures/launcher.js'

/** One sentence: no stack, and a line or two at most. */
const isPlain = (text: string): boolean =>
  text.trim().split('\n').length <= 2 && !text.includes('    at ') && text.length < 400

/** Each is a process of its own that mostly loads code: two keep both cores busy. */
const twoAtATime = async <A, B>(all: readonly A[], run: (one: A) => Promise<B>): Promise<B[]> => {
  const results: B[] = []
  const left = [...all.entries()]
  const work = async (): Promise<void> => {
    for (let next = left.shift(); next !== undefined; next = left.shift())
      results[next[0]] = await run(next[1])
  }
  await Promise.all([work(), work()])
  return results
}

t.test('program - what is given wrongly is refused in a sentence that names it, with code 2', async (t) => {
  const place = new Place(t)
  const wrong: readonly (readonly [args: readonly string[], sentence: RegExp])[] = [
    [['confg'], /unknown command 'confg'\n\(Did you mean config\?\)/],
    [['up', '--nods', '3'], /unknown option '--nods'\n\(Did you mean --nodes\?\)/],
    [
      ['up', '--nodes', '0', launchedApp],
      /'--nodes <count>' argument '0' is invalid\. Expected a whole number from 1 to 64/,
    ],
    [['up', '--kill-at', '1.5', launchedApp], /Expected a number between 0 and 1/],
    [['up', 'nothing.js'], /There is no file .*nothing\.js\./],
    [
      ['up', launchedApp, '--lease-ms', 'soon'],
      /flags: leaseMs: expected a whole number from 100 to 600000\./,
    ],
    [['up', launchedApp, '--memory', '--nats', 'nats://127.0.0.1:1'], /Choose one of --nats and --memory\./],
    [['node', launchedApp], /A node needs a NATS server: --nats URL or TUMEN_NATS_URL\./],
    [['node', launchedApp, '--health', '70000'], /Expected a port from 0 to 65535/],
    [['ask', 'counter'], /missing required argument 'id'/],
    [['ask', 'counter', 'a', '{'], /JSON: expected JSON, such as '\{"Tag":/],
    [['ask', 'counter', 'a', 'Total', '--timeout', 'x'], /Expected a whole number of milliseconds/],
    [['ask', 'counter', 'a', 'Total', '--timeout', '0'], /a whole number of milliseconds, 1 or more/],
    [['zork'], /unknown command 'zork'\n\(tumen --help lists the commands\.\)/],
    [['up', '--zork'], /unknown option '--zork'\n\(tumen up --help lists the options\.\)/],
    [['status', '--leese-ms', '3'], /unknown option '--leese-ms'\n\(Did you mean --lease-ms\?\)/],
    [['up', launchedApp, '--once', '--memory'], /--once: .*main\.js has no main/],
    [
      ['start', 'n1', '--nats', 'nats://127.0.0.1:1', '--cluster', 'x'],
      /can start its nodes: leave out --nats/,
    ],
    [['status', '--nats', 'nats://127.0.0.1:1'], /With --nats also name the cluster: --cluster NAME\./],
    [['status', '--cluster', '../etc'], /--cluster: expected 1 to 63 letters/],
    [['up', launchedApp, '--cluster', 'a b'], /--cluster: expected 1 to 63 letters/],
    [['kill'], /missing required argument 'node'/],
    [['nats', 'install', '--from', 'here'], /--from: expected a URL/],
    [['config', '--probe-ms', '-3'], /probeMs: expected a whole number/],
  ]
  const runs = await twoAtATime(wrong, ([args]) => place.run(args))
  for (const [i, [args, sentence]] of wrong.entries()) {
    const { code, stderr, stdout } = runs[i] as (typeof runs)[number]
    t.match(stderr, sentence, args.join(' '))
    t.equal(code, 2, `${args.join(' ')}: code`)
    t.equal(stdout, '')
    t.ok(isPlain(stderr), `${args.join(' ')}: a sentence and no more`)
  }
})

t.test('program - what is not there is said with code 1', async (t) => {
  const place = new Place(t)
  for (const verb of ['status', 'tree', 'start', 'drain', 'kill']) {
    const args = verb === 'status' || verb === 'tree' ? [verb] : [verb, 'n1']
    const { code, stderr } = await place.run(args)
    t.match(stderr, /^No cluster runs on this machine: start one with tumen up/)
    t.equal(code, 1)
  }
  const { code, stderr } = await place.run(['node', launchedApp, '--nats', 'nats://127.0.0.1:1'])
  t.match(stderr, /Nothing listens at nats:\/\/127\.0\.0\.1:1/)
  t.equal(code, 1)
  const up = await place.run(['up', launchedApp, '--nats', 'nats://127.0.0.1:1'])
  t.match(up.stderr, /Nothing listens at nats:\/\/127\.0\.0\.1:1/)
  t.equal(up.code, 1)
})

t.test('program - a variable that is not known is refused', async (t) => {
  const { code, stderr } = await new Place(t, { TUMEN_LEESE_MS: '4000' }).run(['config'])
  t.equal(stderr, 'The variable TUMEN_LEESE_MS is not known; did you mean TUMEN_LEASE_MS?\n')
  t.equal(code, 2)
})

t.test('program - config prints every knob, for people and as JSON', async (t) => {
  const place = new Place(t, { TUMEN_PROBE_MS: '150' })
  const text = await place.run(['config', '--lease-ms', '4000'])
  t.equal(text.code, 0)
  t.match(
    text.stdout,
    /leaseMs {2}4000 ms {2}from flag {2}default 5000 {2}a whole number from 100 to 600000$/m,
  )
  t.match(text.stdout, /probeMs {2}150 ms {2}from environment/)
  const json = await place.run(['config', '--json'])
  const rows = JSON.parse(json.stdout) as { knob: string }[]
  t.same(
    rows.map(({ knob }) => knob),
    knobNames,
  )
})

t.test('program - each verb has its help', async (t) => {
  const place = new Place(t)
  for (const verb of [
    'up',
    'node',
    'status',
    'tree',
    'ask',
    'tell',
    'where',
    'entities',
    'start',
    'drain',
    'kill',
    'config',
    'nats',
  ]) {
    const { code, stdout } = await place.run([verb, '--help'])
    t.equal(code, 0)
    t.match(stdout, new RegExp(`^Usage: tumen ${verb}`))
    if (verb !== 'nats') t.match(stdout, /--json/)
    t.notMatch(stdout, /--lease-ms <value>|--managed/, 'knobs have a page of their own')
  }
})

t.test('program - the oldest Node that will do is 20.19', async (t) => {
  for (const version of ['18.20.4', '20.0.0', '20.18.3', '6.17.1'])
    t.equal(tooOld(version), `tumen needs Node 20.19 or newer; this is Node ${version}.`)
  for (const version of ['20.19.0', '20.20.2', '22.0.0', '24.1.0-nightly'])
    t.equal(tooOld(version), undefined)
})

t.test('program - an old Node is told so before anything else is loaded', async (t) => {
  const old =
    "Object.defineProperty(process, 'versions', { value: { ...process.versions, node: '18.20.4' } })"
  const place = new Place(t, { NODE_OPTIONS: `--import=data:text/javascript,${encodeURIComponent(old)}` })
  const { code, stderr } = await place.run(['status'])
  t.equal(stderr, 'tumen needs Node 20.19 or newer; this is Node 18.20.4.\n')
  t.equal(code, 1)
})
