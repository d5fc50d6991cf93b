import * as io from 'io-ts'
import t from 'tap'
import {
  act,
  behavior,
  type ConfigInput,
  entities,
  type FarReason,
  id,
  kind,
  message,
  mirrored,
  type MonitorOptions,
  next,
  nodeMessage,
  nodeProtocol,
  protocol,
  type Ref,
  reply,
  supervisor,
  type TumenNode,
  worker,
} from '../../lib/index.js'
import { linkRules } from '../../lib/kernel/links-state.js'
import { BoundWorld } from '../fixtures/otp/bound-world.js'
import { links, wrongRules } from '../fixtures/otp/links.js'
import { VirtualCluster } from '../fixtures/promises.js'

for (const [title, run] of links) {
  t.test(title, async (t) => {
    await run(new BoundWorld())
    t.pass('as OTP does it')
  })
}

for (const [which, rules] of Object.entries(wrongRules(linkRules))) {
  t.test(`wrong rules - links: "${which}" does not pass`, async (t) => {
    const broken: string[] = []
    for (const [title, run] of links) {
      try {
        await run(new BoundWorld(rules))
      } catch {
        broken.push(title)
      }
    }
    t.ok(broken.length > 0, `${broken.length} of ${links.length} checks notice it`)
    t.comment(broken.map((title) => title.split(' ')[0]).join(' '))
  })
}

const PointId = id('PointId')
const Point = protocol('point', PointId, {
  Say: message({ to: io.string, text: io.string }).replies(),
  End: message({ to: io.string }).replies(),
})
const Ear = nodeProtocol('ear', {
  Note: message({ text: io.string }),
  Watch: nodeMessage<{ ref: Ref<string>; options?: MonitorOptions }>(),
  Crash: message(),
  Quit: message(),
})
const point = kind(Point, {
  activate: 'spawn',
  state: mirrored(io.number),
  init: () => 0,
  on: {
    Say: (count, { to, text }) => reply(count + 1, undefined, act.tell(Ear.on(to), Ear.Note({ text }))),
    End: (count, { to }) =>
      reply(count, undefined, act.tell(Ear.on(to), Ear.Note({ text: 'last word' })), act.stop()),
  },
})
/** What the ears of all nodes have noted, as `node: text`. */
class Ears {
  readonly notes: string[] = []
  readonly cluster: VirtualCluster
  constructor(t: { teardown(run: () => unknown): unknown }, config: ConfigInput = {}) {
    this.cluster = new VirtualCluster(() => this.tree(), config)
    t.teardown(() => this.cluster.end())
  }
  of(node: TumenNode): string[] {
    return this.notes.filter((note) => note.startsWith(node.name)).map((note) => note.slice(4))
  }
  private tree() {
    const ear = behavior(Ear, {
      init: () => 0,
      on: {
        Note: (count, { text }, self) => {
          this.notes.push(`${self.node.name}: ${text}`)
          return next(count + 1)
        },
        Watch: (count, { ref, options }, self) => {
          self.monitor(ref, ({ reason }) => Ear.Note({ text: shown(reason) }), options)
          return next(count)
        },
        Crash: () => {
          throw new Error('boom')
        },
        Quit: (count) => next(count, act.stop()),
      },
    })
    return supervisor('root', { intensity: 100 }, [worker('ear', ear), entities(point)])
  }
}
const shown = (reason: FarReason): string => {
  if (reason.tag === 'crash') return `crash ${String(reason.error)}`
  return reason.tag === 'moved' ? `moved to ${reason.to}` : reason.tag
}
const countOf = (node: TumenNode, name: string): number => node.status().counters[name] ?? 0
/** Two nodes, and what the first hears of the second. */
const pairOf = async (t: Tap.Test, config: ConfigInput = {}) => {
  const ears = new Ears(t, config)
  const { cluster } = ears
  const near = await cluster.start('n1')
  const far = await cluster.start('n2')
  const heard: string[] = []
  const watch = (ref: Ref<string>, options?: MonitorOptions) =>
    near.monitor(ref, ({ reason }) => void heard.push(shown(reason)), options)
  return { ears, cluster, near, far, heard, watch }
}
declare namespace Tap {
  type Test = Pick<typeof t, 'teardown'>
}

t.test('O71 across nodes: monitors are one-way and stack; one DOWN each, with the reason', async (t) => {
  const { cluster, near, far, heard, watch } = await pairOf(t)
  const ear = near.remote(far.id, Ear)
  watch(ear)
  watch(ear)
  watch(ear).unsubscribe()
  await cluster.until(() => countOf(far, 'monitors_held_count') === 2, 'two monitors')
  ear.tell(Ear.Crash())
  await cluster.until(() => heard.length > 0, 'a DOWN')
  cluster.clock.advance(30_000)
  t.same(heard, ['crash boom', 'crash boom'])
  t.match([countOf(near, 'monitors_set_count'), countOf(far, 'monitors_held_count')], [0, 0])
})

t.test('O71 across nodes: noproc at once if absent', async (t) => {
  const { cluster, near, far, heard, watch } = await pairOf(t)
  const Nobody = nodeProtocol('nobody', { Hi: message() })
  watch(near.remote(far.id, Nobody))
  watch(near.ref(Point, PointId('p')))
  await cluster.until(() => heard.length === 2, 'two DOWNs')
  t.same(heard, ['noproc', 'noproc'])
})

t.test(
  'O71 across nodes: noconnection when the link to its node is lost, though the peer lives',
  async (t) => {
    const { ears, cluster, near, far, heard, watch } = await pairOf(t)
    watch(near.remote(far.id, Ear))
    await cluster.until(() => countOf(far, 'monitors_held_count') === 1, 'a monitor')
    far.local(Ear).tell(Ear.Watch({ ref: far.remote(near.id, Ear) }))
    await cluster.until(() => countOf(near, 'monitors_held_count') === 1, 'one the other way')
    cluster.transport.faults.disconnect('n2')
    await cluster.until(() => heard.length > 0, 'a DOWN')
    t.same(heard, ['noconnection'])
    t.equal(countOf(near, 'monitors_held_count'), 0, 'whoever watched from there is forgotten')
    cluster.transport.faults.heal()
    await cluster.until(() => ears.of(far).length > 0, 'the other side hears it too')
    t.same(ears.of(far), ['noconnection'])
    watch(near.remote('n9', Ear))
    await cluster.until(() => heard.length > 1, 'one of a node that nobody knows')
    t.equal(heard[1], 'noconnection')
  },
)

t.test('O72 across nodes: what an actor said before its end comes before its DOWN', async (t) => {
  const { ears, cluster, near, far } = await pairOf(t)
  const ids = Array.from({ length: 12 }, (_, i) => PointId(`p${i}`))
  for (const one of ids) await cluster.run(near.spawn(point, one))
  cluster.transport.faults.set({ delayMsMin: 0, delayMsMax: 20 })
  for (const one of ids) {
    const before = ears.of(near).length
    near.local(Ear).tell(Ear.Watch({ ref: near.ref(Point, one) }))
    const held = () => countOf(near, 'monitors_held_count') + countOf(far, 'monitors_held_count')
    await cluster.until(() => held() === 1, 'a monitor')
    await cluster.run(near.ref(Point, one).ask(Point.Say({ to: near.id, text: 'first' })))
    await cluster.run(near.ref(Point, one).ask(Point.End({ to: near.id })))
    await cluster.until(() => ears.of(near).length === before + 3, 'all three')
    t.same(ears.of(near).slice(before), ['first', 'last word', 'normal'])
  }
})

t.test('monitors – one of an entity follows it, and tells moves only to who asked for them', async (t) => {
  const { cluster, near, heard, watch } = await pairOf(t)
  const one = PointId('p')
  await cluster.run(near.spawn(point, one))
  const third = await cluster.start('n3')
  const told: string[] = []
  third.monitor(third.ref(Point, one), ({ reason }) => void told.push(shown(reason)), { moves: true })
  watch(near.ref(Point, one))
  const owner = () => near.where(Point, one).owner ?? ''
  await cluster.until(() => near.where(Point, one).mirrors.length === 1, 'a mirror')
  cluster.clock.advance(2_000)
  const before = owner()
  cluster.transport.faults.disconnect(before.split('#')[0] as string)
  cluster.clock.advance(12_000)
  cluster.transport.faults.heal()
  cluster.clock.advance(3_000)
  await cluster.until(() => owner() !== before, 'another owner')
  const asker = before.startsWith('n1') ? third : near
  await cluster.run(asker.ref(Point, one).ask(Point.End({ to: 'n1' })))
  await cluster.until(() => heard.length > 0 && told.at(-1) === 'normal', 'its end')
  t.same(heard, ['normal'])
  t.same(told, [`moved to ${owner()}`, 'normal'])
})

t.test('monitors – one ends with the life that set it, also where it was set', async (t) => {
  const { ears, cluster, near, far } = await pairOf(t)
  near.local(Ear).tell(Ear.Watch({ ref: near.remote(far.id, Ear) }))
  await cluster.until(() => countOf(far, 'monitors_held_count') === 1, 'a monitor')
  near.local(Ear).tell(Ear.Crash())
  await cluster.until(() => countOf(far, 'monitors_held_count') === 0, 'none')
  near.remote(far.id, Ear).tell(Ear.Quit())
  cluster.clock.advance(20_000)
  t.same(ears.of(near), [], 'its next life hears nothing of it')
  t.equal(countOf(near, 'monitors_set_count'), 0)
})

t.test('monitors – a DOWN that is lost on the way comes with the next renewal', async (t) => {
  const { cluster, near, far, heard, watch } = await pairOf(t, { monitorRenewMs: 1_000 })
  const ear = near.remote(far.id, Ear)
  watch(ear)
  await cluster.until(() => countOf(far, 'monitors_held_count') === 1, 'a monitor')
  cluster.transport.faults.cut('n2', 'n1')
  far.local(Ear).tell(Ear.Crash())
  cluster.clock.advance(300)
  t.same(heard, [])
  cluster.transport.faults.heal()
  await cluster.until(() => heard.length > 0, 'the DOWN')
  t.same(heard, ['crash boom'])
})

t.test('monitors – beyond monitorsCountMax nobody watches, and that is said and counted', async (t) => {
  const { cluster, near, far, heard, watch } = await pairOf(t, { monitorsCountMax: 2 })
  for (let i = 0; i < 3; i++) watch(near.remote(far.id, Ear))
  await cluster.until(() => heard.length === 1, 'the third')
  t.same(heard, ['overloaded'])
  t.equal(countOf(near, 'limits_monitors_count_max_total'), 1)
})
