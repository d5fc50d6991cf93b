import t from 'tap'
import * as io from 'io-ts'
import {
  act,
  behavior,
  dynamic,
  message,
  next,
  nodeProtocol,
  supervisor,
  worker,
} from '../../../lib/index.js'
import type { SubtreeOptions, WorkerOptions } from '../../../lib/index.js'
import type { SupervisorData } from '../../../lib/api/child-data.js'
import { behaviorData, childData } from '../../../lib/api/internal.js'
import type { ExitReason } from '../../../lib/kernel/exit-reason.js'
import type { LocalActor } from '../../../lib/kernel/local-actor.js'
import { seededRandom } from '../../../lib/std/random.js'
import { LocalTree, type StartAnswer } from '../../../supervisors/local/tree.js'
import { bed, outside } from '../../fixtures/kernel/index.js'

const boom = new Error('boom')

/** A child that does what it is told and writes down when it begins and stops. */
const scripted = (kind: string, log: string[], hooks: { init?: () => void; onStop?: () => unknown } = {}) => {
  const protocol = nodeProtocol(kind, {
    Crash: message(),
    Quit: message(),
    Add: message(),
    Count: message().reads(io.number),
  })
  return behavior(protocol, {
    init: () => {
      log.push(`+${kind}`)
      hooks.init?.()
      return 0
    },
    on: {
      Crash: () => {
        throw boom
      },
      Quit: (n) => next(n, act.stop()),
      Add: (n) => next(n + 1),
      Count: (n) => n,
    },
    onStop: async () => {
      log.push(`-${kind}`)
      await hooks.onStop?.()
    },
  })
}

type Protocol = Record<string, () => never>
const messageTo = (actor: LocalActor | undefined, tag: string): never => {
  const protocol = actor?.behavior.protocol as Protocol | undefined
  return protocol?.[tag]?.() as never
}

interface Grown {
  readonly tree: LocalTree
  readonly log: string[]
  readonly ended: ExitReason[]
  readonly failures: unknown[]
  take(): string
  say(kind: string, tag: 'Crash' | 'Quit' | 'Add'): Promise<void>
  count(kind: string): Promise<unknown>
}

const grow = async (
  on: ReturnType<typeof bed>,
  make: (log: string[]) => ReturnType<typeof supervisor>,
): Promise<Grown> => {
  const log: string[] = []
  const ended: ExitReason[] = []
  const failures: unknown[] = []
  const tree = new LocalTree({
    kernel: on.kernel,
    random: seededRandom(1),
    outside: outside(),
    root: childData(make(log)) as SupervisorData,
    entities: () => {
      throw new Error('no entities in this test')
    },
    ended: (reason) => void ended.push(reason),
  })
  tree.begin((begun) => void (begun.tag === 'failed' && failures.push(begun.error)))
  await on.settle()
  const actor = (kind: string): LocalActor => tree.local(kind) as LocalActor
  const message = (kind: string, tag: string): never => {
    return messageTo(actor(kind), tag)
  }
  return {
    tree,
    log,
    ended,
    failures,
    take: () => log.splice(0).join(' '),
    say: async (kind, tag) => {
      actor(kind).ref.tell(message(kind, tag))
      await on.settle()
    },
    count: async (kind) => {
      const answer = actor(kind).ref.ask(message(kind, 'Count'))
      await on.settle()
      return answer
    },
  }
}
const abc =
  (options: SubtreeOptions = {}, b: WorkerOptions = {}) =>
  (log: string[]) =>
    supervisor('root', options, [
      worker('a', scripted('a', log)),
      worker('b', scripted('b', log), b),
      worker('c', scripted('c', log)),
    ])

t.test('tree - starts in order, stops in reverse, and leaves nothing', async (t) => {
  const on = bed()
  const it = await grow(on, abc())
  t.equal(it.take(), '+a +b +c')
  t.same(it.failures, [])
  t.equal(it.tree.local('b')?.cell.path, 'root/b')
  t.equal(it.tree.local('nobody'), undefined)
  t.same(it.tree.localKinds, ['a', 'b', 'c'])
  let stopped = false
  it.tree.stop(() => (stopped = true))
  await on.settle()
  t.equal(it.take(), '-c -b -a')
  t.ok(stopped)
  t.same(on.kernel.roots, [])
  t.equal(on.clock.pendingCount, 0)
})

t.test(
  'tree - a crashed child is begun again with a new state, its ref and the mail behind the crash',
  async (t) => {
    const on = bed()
    const it = await grow(on, abc())
    await it.say('b', 'Add')
    const { ref } = it.tree.local('b') as LocalActor
    it.take()
    ref.tell(messageTo(it.tree.local('b'), 'Crash'))
    ref.tell(messageTo(it.tree.local('b'), 'Add'))
    await on.settle()
    t.equal(it.take(), '+b')
    t.equal(await it.count('b'), 1)
    t.equal((it.tree.local('b') as LocalActor).ref, ref)
    t.equal(it.tree.local('b')?.cell.incarnation, 2)
  },
)

t.test('tree - one_for_all: the siblings fall in order and keep their mail', async (t) => {
  const on = bed()
  const it = await grow(on, abc({ strategy: 'one_for_all' }))
  it.take()
  await it.say('a', 'Add')
  await it.say('b', 'Crash')
  t.equal(it.take(), '-c -a +a +b +c')
  t.equal(await it.count('a'), 0, 'a new state')
})

t.test('tree - an actor that stops itself: transient stays away, permanent comes back', async (t) => {
  const on = bed()
  const it = await grow(on, abc({}, { restart: 'transient' }))
  it.take()
  await it.say('b', 'Quit')
  t.equal(it.take(), '-b')
  await it.say('b', 'Add')
  t.equal(on.kernel.counts().deadLetters, 1)
  await it.say('a', 'Quit')
  t.equal(it.take(), '-a +a')
  t.match(it.tree.tree().children, [
    { id: 'a', restarts: 1, status: 'running' },
    { id: 'b', status: 'stopped' },
    {},
  ])
})

t.test(
  'tree - a child that overruns its shutdown deadline is killed, one with kill is not even asked',
  async (t) => {
    const on = bed()
    const it = await grow(on, (log) =>
      supervisor('root', {}, [
        worker('slow', scripted('slow', log, { onStop: () => new Promise(() => undefined) }), {
          shutdownMs: 1_000,
        }),
        worker('brutal', scripted('brutal', log), { shutdownMs: 'kill' }),
      ]),
    )
    it.take()
    let stopped = false
    it.tree.stop(() => (stopped = true))
    await on.settle()
    t.equal(it.take(), '-slow', 'brutal has been killed')
    on.clock.advance(999)
    t.notOk(stopped)
    on.clock.advance(1)
    t.ok(stopped)
    t.equal(on.clock.pendingCount, 0)
  },
)

t.test('tree - a subtree that gives up is restarted by its parent, and refs below stay good', async (t) => {
  const on = bed()
  const it = await grow(on, (log) =>
    supervisor('root', { intensity: 1 }, [
      worker('a', scripted('a', log)),
      supervisor('sub', { intensity: 0, strategy: 'rest_for_one' }, [
        worker('b', scripted('b', log)),
        worker('c', scripted('c', log)),
      ]),
    ]),
  )
  const { ref } = it.tree.local('c') as LocalActor
  it.take()
  await it.say('b', 'Crash')
  t.equal(it.take(), '-c +b +c', 'the subtree fell and came back; a was left alone')
  t.ok(on.tags().includes('IntensityExceeded'))
  t.equal((it.tree.local('c') as LocalActor).ref, ref)
  await it.say('c', 'Add')
  t.equal(await it.count('c'), 1)
  t.equal(it.tree.local('c')?.cell.path, 'root/sub/c')
  await it.say('b', 'Crash')
  t.equal(it.take(), '-c -a', 'one more and the root gives up')
  t.same(it.ended, [{ tag: 'shutdown' }])
  it.tree.kill()
  t.same(on.kernel.roots, [])
})

t.test('tree - a transient subtree that gives up stays away: shutdown counts as a normal end', async (t) => {
  const on = bed()
  const it = await grow(on, (log) =>
    supervisor('root', {}, [
      supervisor('sub', { intensity: 0, restart: 'transient' }, [worker('b', scripted('b', log))]),
    ]),
  )
  it.take()
  await it.say('b', 'Crash')
  t.equal(it.take(), '', 'OTP supervisor, "Restart intensity": the escalation is lost')
  t.same(it.ended, [])
})

t.test('tree - an init that throws fails the start, and what had started is stopped', async (t) => {
  const on = bed()
  const it = await grow(on, (log) =>
    supervisor('root', {}, [
      worker('a', scripted('a', log)),
      supervisor('sub', {}, [
        worker('b', scripted('b', log)),
        worker(
          'c',
          scripted('c', log, {
            init: () => {
              throw boom
            },
          }),
        ),
      ]),
    ]),
  )
  t.equal(it.take(), '+a +b +c -b -a')
  t.match(it.failures, [{ name: 'ChildFailed', path: 'root/sub/c', cause: boom }])
  it.tree.kill()
  t.same(on.kernel.roots, [])
})

t.test('tree - a crash loop ends by intensity, in however short a time', async (t) => {
  const on = bed()
  let begun = 0
  const it = await grow(on, (log) =>
    supervisor('root', { intensity: 5 }, [
      worker(
        'a',
        scripted('a', log, {
          init: () => {
            if (begun++ > 0) throw boom
          },
        }),
      ),
    ]),
  )
  await it.say('a', 'Crash')
  t.equal(begun, 6, 'the first start and five restarts')
  t.same(it.ended, [{ tag: 'shutdown' }])
})

t.test('tree - dynamic children come and go, restart by their type, and are counted', async (t) => {
  const on = bed()
  const it = await grow(on, () =>
    supervisor('root', {}, [dynamic('sessions', { restart: 'transient', countMax: 2 })]),
  )
  const answers: StartAnswer[] = []
  const start = async (under: string): Promise<StartAnswer> => {
    it.tree.startUnder(under, behaviorData(scripted('s', it.log)), (answer) => void answers.push(answer))
    await on.settle()
    return answers.at(-1) as StartAnswer
  }
  const first = await start('sessions')
  t.equal(first.tag, 'started')
  if (first.tag !== 'started') return
  t.equal(first.actor.cell.path, 'root/sessions/s-1')
  t.equal(it.tree.local('s'), undefined, 'not the node’s own actor of that kind')
  await start('sessions')
  t.match(await start('sessions'), { tag: 'full', countMax: 2 })
  t.match(await start('nowhere'), { tag: 'not-found' })
  t.match(it.tree.tree().children, [{ id: 'sessions', type: 'dynamic', count: 2 }])
  it.take()
  first.actor.ref.tell(messageTo(first.actor, 'Crash'))
  await on.settle()
  t.equal(it.take(), '+s', 'transient: again after a crash')
  first.actor.ref.tell(messageTo(first.actor, 'Quit'))
  await on.settle()
  t.equal(it.take(), '-s')
  t.match(it.tree.tree().children, [{ count: 1 }])
  t.equal((await start('sessions')).tag, 'started')
  it.tree.startUnder(
    'sessions',
    behaviorData(
      scripted('bad', it.log, {
        init: () => {
          throw boom
        },
      }),
    ),
    (answer) => void answers.push(answer),
  )
  it.tree.stop(() => it.log.push('stopped'))
  await on.settle()
  t.match(answers.at(-1), { tag: 'full' })
  t.equal(it.take(), '+s -s -s stopped')
})

t.test('tree - children added by hand are lost when their supervisor is restarted, as in OTP', async (t) => {
  const on = bed()
  const it = await grow(on, (log) =>
    supervisor('root', {}, [supervisor('sub', { intensity: 0 }, [worker('b', scripted('b', log))])]),
  )
  const sub = it.tree.root.child('sub') as unknown as {
    startChild(d: object, done: (a: object) => void): void
  }
  const answers: object[] = []
  sub.startChild(childData(worker('x', scripted('x', it.log))), (answer) => void answers.push(answer))
  await on.settle()
  t.same(answers, [{ tag: 'ok' }])
  it.take()
  await it.say('b', 'Crash')
  t.equal(it.take(), '-x +b')
  t.match(it.tree.tree().children, [{ id: 'sub', restarts: 1, children: [{ id: 'b' }] }])
})

t.test('tree - by hand: terminate, restart, delete', async (t) => {
  const on = bed()
  const it = await grow(on, abc())
  const answers: unknown[] = []
  const note = (answer: unknown): void => void answers.push(answer)
  it.take()
  it.tree.root.terminateChild('b', note)
  await on.settle()
  t.equal(it.take(), '-b')
  it.tree.root.restartChild('b', note)
  await on.settle()
  t.equal(it.take(), '+b')
  it.tree.root.deleteChild('b', note)
  it.tree.stop(() => undefined)
  it.tree.root.deleteChild('b', note)
  await on.settle()
  it.tree.root.deleteChild('b', note)
  t.same(answers, [
    { tag: 'ok' },
    { tag: 'ok' },
    { tag: 'running' },
    { tag: 'not-running' },
    { tag: 'not-running' },
  ])
})
