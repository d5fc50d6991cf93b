import t from 'tap'
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
  const presets = ['mixed', 'calm', 'pauses', 'cuts', 'restarts', 'handoffs', 'accusations']
  for (const [i, preset] of [...presets, ...presets].entries()) {
    const options = { seed: first + i, preset, ...(preset === 'mixed' ? {} : { steps: 10_000 }) }
    const { world } = finish(options)
    const { writes = 0 } = world.counts
    t.same(world.violations, [], `${replay(options)} --steps ${preset === 'mixed' ? 5_000 : 10_000}`)
    t.ok(writes > 10, 'and there was something to break')
  }
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
  }
  for (const [name, seeds] of Object.entries(wrong)) {
    let seed = 1
    while (seed <= seeds && finish({ seed, break: name, steps: 10_000 }).world.violations.length === 0) seed++
    t.ok(seed <= seeds, `${name}, at seed ${seed}`)
  }
})
