import t from 'tap'
import { branches, sourceWithout } from './fixtures/simulation/branches.js'
import { withoutBranch } from './fixtures/simulation/deletion.js'
import { type Run, type RunOptions, simulate } from './fixtures/simulation/run.js'

const { TUMEN_SEED } = process.env
const first = Number(TUMEN_SEED ?? Math.floor(Math.random() * 1e6))

const finish = (options: RunOptions): Run => {
  const run = simulate(options)
  while (run.advance(100_000));
  return run
}
const replay = ({ seed, preset = 'mixed' }: RunOptions): string =>
  `npm run simulate -- --seed ${seed} --preset ${preset}`

t.test('simulation – under faults nothing that was promised is broken', async (t) => {
  t.comment(`TUMEN_SEED=${first}`)
  const presets = ['mixed', 'calm', 'pauses', 'cuts', 'restarts', 'handoffs', 'accusations', 'takeovers']
  for (const [i, preset] of [...presets, ...presets].entries()) {
    const options = { seed: first + i, preset, ...(preset === 'mixed' ? {} : { steps: 10_000 }) }
    const { world } = finish(options)
    const { writes = 0 } = world.counts
    t.same(world.violations, [], `${replay(options)} --steps ${preset === 'mixed' ? 5_000 : 10_000}`)
    t.ok(writes > 10, 'and there was something to break')
  }
})

t.test('simulation – a small scale: a crowd that is there at the end', async (t) => {
  const { world } = finish({ seed: first, preset: 'scale', nodes: 12, crowd: 2_000, shards: 64 })
  t.same(
    world.violations,
    [],
    `${replay({ seed: first, preset: 'scale' })} --nodes 12 --crowd 2000 --shards 64`,
  )
  t.ok((world.counts['crowd'] ?? 0) > 0, `${world.counts['crowd']} are there`)
})

t.test('simulation – one seed is one run', async (t) => {
  const [one, other, next] = [11, 11, 12].map(
    (seed) => finish({ seed, preset: 'restarts', steps: 5_000 }).world,
  )
  t.same([one?.steps, one?.now, one?.counts], [other?.steps, other?.now, other?.counts])
  t.not(one?.now, next?.now)
})

t.test('simulation – wrong rules are noticed', async (t) => {
  const wrong = {
    'ack-before-mirror': 10,
    'lapsed-owner-serves': 10,
    'dead-incarnation-returns': 10,
    'reqId-forgotten-on-takeover': 20,
    'handoff-drops-frozen-mail': 20,
    'handoff-without-freezing': 20,
    'receivers-do-not-filter': 10,
    'owner-steps-back': 10,
  }
  for (const [name, seeds] of Object.entries(wrong)) {
    let seed = 1
    while (seed <= seeds && finish({ seed, break: name, steps: 10_000 }).world.violations.length === 0) seed++
    t.ok(seed <= seeds, `${name}, at seed ${seed}`)
  }
})

t.test('simulation – each branch that it has to miss is there to be deleted', async (t) => {
  t.ok(branches.length >= 10)
  for (const branch of branches) await t.resolves(sourceWithout(branch), branch.name)
})

t.test('simulation – a branch is found by what it says and deleted whole', async (t) => {
  const code =
    'const f = (a, b) => {\n  if (a && (b > 1)) return 1\n  else return [\n    2,\n  ]\n}\nconst g = a && b'
  const without = (condition: string, isElse = false): string =>
    withoutBranch(code, { inside: 'f', condition, isElse }).split('\n').slice(1, -2).join(' ')
  t.equal(without('a\n && ( b>1 )'), '  if (a && (b > 1)) {}   else return [     2,   ]')
  t.equal(without('a && (b > 1)', true), '  if (a && (b > 1)) return 1   else {}')
  t.equal(without('a'), '  if (((b > 1))) return 1   else return [     2,   ]')
  t.equal(without('b > 1'), '  if ((a)) return 1   else return [     2,   ]')
  t.throws(() => without('b > 2'), /0 branches "b > 2" in f, not 1/)
  t.throws(() => withoutBranch(`${code}\n${code}`, { inside: 'f', condition: 'a' }), /2 branches/)
})
