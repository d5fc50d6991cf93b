import { connect } from 'nats'
import t from 'tap'
import type { Created } from '../../lib/records/records.js'
import { recordsStream } from '../../lib/wire/subjects.js'
import { createOn, latestOn } from '../fixtures/conformance/records.js'
import { natsHarness } from '../fixtures/nats-harness.js'
import { eventually, startThreeNatsServers } from '../fixtures/nats-server.js'

t.test(
  'three servers - the leader of the records is killed: no version has two winners, and it goes on',
  async (t) => {
    const servers = await startThreeNatsServers(t)
    const urls = servers.map(({ url }) => url)
    const harness = natsHarness(t, { servers: urls })
    const sessions = await Promise.all(['a', 'b', 'c'].map((name) => harness.open(name)))
    const [first] = sessions
    if (first === undefined) throw new Error('no session')
    t.match(first.facts, { replicas: 3, summary: /the servers "c", 3 replicas/ })

    const shown = new Map<string, number>()
    let lives = 0
    const watch = first.records.watch(
      'shard',
      ({ chain, version }) => shown.set(chain, version),
      () => lives++,
    )
    t.teardown(() => watch.stop())
    await eventually('live', () => lives > 0 || undefined)

    const outside = await connect({ servers: urls, noAsyncTraces: true })
    t.teardown(() => outside.close())
    const manager = await outside.jetstreamManager()
    const leader = (await manager.streams.info(recordsStream(harness.cluster))).cluster?.leader
    const race = async (chain: string): Promise<Created[]> =>
      Promise.all(sessions.map(({ records }, i) => createOn(harness, records, chain, 1, `w${i}`)))

    const winners = { none: 0, one: 0, more: 0 }
    const count = (outcomes: readonly Created[]): void => {
      const won = outcomes.filter((outcome) => outcome === 'created').length
      const row = won === 0 ? 'none' : won === 1 ? 'one' : 'more'
      winners[row]++
    }
    let n = 0
    const raceUntil = async (what: string, isOver: () => boolean): Promise<void> => {
      await eventually(
        what,
        async () => {
          const outcomes = await Promise.all(Array.from({ length: 20 }, () => race(`shard.race.${n++}`)))
          for (const one of outcomes) count(one)
          return isOver() || undefined
        },
        40_000,
      )
    }
    await raceUntil('some races', () => n >= 400)
    const before = { ...winners }
    t.match(before, { none: 0, more: 0 })
    await servers[Number(leader?.slice(1))]?.kill()
    await raceUntil('it goes on', () => winners.one > before.one + 400)
    t.equal(winners.more, 0)

    t.match(await latestOn(harness, first.records, `shard.race.${n - 1}`), {
      tag: 'found',
      record: { version: 1 },
    })
    const last = `shard.race.${n - 1}`
    await eventually('the watch shows it', () => shown.has(last) || undefined, 20_000)
    t.ok(sessions.every((session) => session.status() === 'up'))
  },
)
