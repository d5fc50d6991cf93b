import { threeNodes } from './cluster.js'
import { Guest, GuestId, guest } from './far-tree.js'
import { keepGoing } from './far.js'
import type { Figure } from './harness.js'

const entitiesCount = 100_000
const inFlightMax = 512
const wantedRate = 20_000

/** Starts mirrored entities over three processes; the last tenth beside the first shows a slope. */
export const startCluster = async (note: (line: string) => void): Promise<Figure> => {
  const cluster = await threeNodes()
  const tenth = entitiesCount / 10
  const rates: number[] = []
  try {
    for (let from = 0; from < entitiesCount; from += tenth) {
      const start = performance.now()
      await keepGoing(inFlightMax, tenth, (i) => cluster.node.spawn(guest, GuestId(`guest-${from + i}`)))
      rates.push((tenth / (performance.now() - start)) * 1_000)
    }
    const one = await cluster.node.ref(Guest, GuestId('guest-7')).ask(Guest.Count())
    if (one !== 0) throw new Error('an entity did not begin as it should')
  } finally {
    await cluster.close()
  }
  note(`start-cluster: per tenth ${rates.map((rate) => Math.round(rate)).join(', ')} entities/s`)
  const value = entitiesCount / rates.reduce((sum, rate) => sum + tenth / rate, 0)
  const [firstTenth = 0, lastTenth = 0] = [rates[0], rates.at(-1)]
  return {
    bench: 'start-cluster',
    value: Math.round(value),
    unit: 'entities/s',
    baseline: 'the rate wanted',
    baselineValue: wantedRate,
    ratio: Number((value / wantedRate).toFixed(2)),
    more: {
      firstTenth: Math.round(firstTenth),
      lastTenth: Math.round(lastTenth),
      flat: Number((lastTenth / firstTenth).toFixed(2)),
    },
  }
}
