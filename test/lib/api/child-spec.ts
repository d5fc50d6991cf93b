import * as io from 'io-ts'
import t from 'tap'
import {
  behavior,
  dynamic,
  entities,
  message,
  Misuse,
  next,
  nodeProtocol,
  supervisor,
  worker,
  type ChildSpec,
} from '../../../lib/index.js'
import { childData, kindData } from '../../../lib/api/internal.js'
import { club } from '../../fixtures/api/club.js'

const Clerk = nodeProtocol('clerk', { Note: message({ text: io.string }) })
const clerk = behavior(Clerk, { init: () => 0, on: { Note: (n) => next(n + 1) } })
const loose = (given: unknown): never => given as never

t.test('child specs – defaults are OTP’s', async (t) => {
  t.match(childData(worker('a', clerk)), {
    type: 'worker',
    id: 'a',
    restart: 'permanent',
    significant: false,
    shutdownMs: 5_000,
    behavior: { kind: 'clerk' },
  })
  t.match(childData(supervisor('s', {}, [])), {
    type: 'supervisor',
    restart: 'permanent',
    shutdownMs: 'infinity',
    strategy: 'one_for_one',
    intensity: 1,
    periodMs: 5_000,
    autoShutdown: 'never',
    children: [],
  })
  t.match(childData(dynamic('d')), { type: 'dynamic', childRestart: 'temporary', childShutdownMs: 5_000 })
})

t.test('child specs – entities are named by their kind', async (t) => {
  const data = childData(entities(club, { countMax: 5 }))
  t.match(data, { type: 'entities', id: 'club', countMax: 5 })
  t.equal(data.type === 'entities' && data.kind, kindData(club))
})

t.test('child specs – a tree is plain data, all of it', async (t) => {
  const tree = supervisor('root', { strategy: 'rest_for_one', intensity: 3 }, [
    entities(club),
    supervisor('inner', { autoShutdown: 'any_significant' }, [
      worker('a', clerk, { restart: 'transient', significant: true, shutdownMs: 'kill' }),
      worker('b', clerk, { restart: 'temporary', shutdownMs: 'infinity' }),
    ]),
  ])
  t.ok(Object.isFrozen(tree))
  t.match(childData(tree), {
    strategy: 'rest_for_one',
    children: [
      { id: 'club' },
      { id: 'inner', children: [{ shutdownMs: 'kill', significant: true }, { id: 'b' }] },
    ],
  })
})

t.test('child specs – what cannot be is refused in a sentence', async (t) => {
  const significant = worker('w', clerk, { restart: 'transient', significant: true })
  const cases: readonly (readonly [() => ChildSpec, RegExp])[] = [
    [() => worker('', clerk), /not empty/],
    [() => worker('w', loose(club)), /goes into entities/],
    [() => worker('w', clerk, loose({ significant: true })), /permanent child cannot be significant/],
    [() => worker('w', clerk, loose({ restart: 'always' })), /w: restart: expected one of permanent/],
    [() => worker('w', clerk, { shutdownMs: -1 }), /w: shutdownMs/],
    [() => supervisor('s', loose({ strategy: 'all' }), []), /s: strategy: .*one_for_one/],
    [() => supervisor('s', { intensity: 0.5 }, []), /s: intensity/],
    [() => supervisor('s', { periodMs: 0 }, []), /s: periodMs: .*1 or more/],
    [() => supervisor('s', {}, [worker('a', clerk), worker('a', clerk)]), /two children named "a"/],
    [() => supervisor('s', {}, [significant]), /autoShutdown: 'never'/],
    [() => supervisor('s', {}, [loose({ id: 'x' })]), /Expected a child made by/],
    [() => entities(loose(clerk)), /Expected a kind/],
    [() => entities(club, { countMax: 0 }), /club: countMax/],
    [() => dynamic('d', loose({ restart: 'x' })), /d: restart/],
    [() => dynamic('d', loose(null)), /dynamic "d": options: expected an object/],
    [() => dynamic('d', loose({ countsMax: 1 })), /dynamic "d": "countsMax" is not an option;.*countMax/],
    [() => worker('w', clerk, loose({ restarts: 'x' })), /worker "w": "restarts" .*restart/],
    [() => supervisor('s', loose({ intensities: 1 }), []), /supervisor "s": "intensities" .*intensity/],
    [() => supervisor('s', {}, loose(undefined)), /supervisor "s": children: expected a list/],
    [() => entities(club, loose({ max: 1 })), /entities "club": "max" is not an option/],
  ]
  for (const [make, sentence] of cases) {
    t.throws(make, { code: 'InvalidDeclaration', message: sentence })
    t.throws(make, Misuse)
  }
})
