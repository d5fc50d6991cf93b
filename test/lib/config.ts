import * as E from 'fp-ts/lib/Either.js'
import t from 'tap'
import {
  configInput,
  defaultConfig,
  equalOnAllNodes,
  type Knob,
  knobNames,
  knobs,
  resolveConfig,
  unitOf,
} from '../../lib/config.js'

const complaints = (input: unknown): readonly string[] => {
  const resolved = resolveConfig(input)
  return E.isLeft(resolved) ? resolved.left : []
}
const resolved = (input: unknown) => {
  const config = resolveConfig(input)
  if (E.isLeft(config)) throw new Error(config.left.join('; '))
  return config.right
}

t.test('config - nothing given is the default, which keeps all relations', async (t) => {
  t.same(resolved({}), defaultConfig)
  t.same(resolved(undefined), defaultConfig)
  t.same(resolved(defaultConfig), defaultConfig)
})

t.test('config - every knob has its unit, its range around its default and a sentence', async (t) => {
  for (const name of knobNames) {
    const knob: Knob = knobs[name]
    t.match(knob.meaning, /^[A-Z].*\.$/, name)
    if (!('min' in knob)) continue
    t.ok(knob.min <= knob.default && knob.default <= knob.max, `${name} lies in its range`)
    t.not(unitOf(name), '', `${name} ends in a unit`)
  }
  t.equal(unitOf('diagnostics'), '')
  t.equal(unitOf('askTimeoutMsMax'), 'ms')
  t.ok(equalOnAllNodes.includes('shardCount'))
})

t.test('config - presets set the leases, and what is given wins over them', async (t) => {
  t.match(resolved({ preset: 'three-servers' }), { leaseMs: 15_000, leaseRenewMs: 3_000 })
  t.match(resolved({ preset: 'three-servers', leaseMs: 12_000 }), { leaseMs: 12_000, leaseRenewMs: 3_000 })
  t.match(resolved({ leaseMs: undefined }), { leaseMs: 5_000 }, 'undefined is absent')
})

t.test('config - an unknown key names the nearest known one', async (t) => {
  t.same(complaints({ leaseMS: 1, mailboxMax: 2 }), [
    '"leaseMS" is not a knob; did you mean "leaseMs"?',
    '"mailboxMax" is not a knob; did you mean "mailboxCountMax"?',
  ])
  t.equal(complaints({ constructor: 1 }).length, 1)
})

t.test('config - every number is refused when it is out of range, no number, or broken', async (t) => {
  for (const name of knobNames) {
    const knob: Knob = knobs[name]
    if (!('min' in knob)) continue
    for (const bad of [knob.min - 1, knob.max + 1, knob.default + 0.5, '7', null, Number.NaN]) {
      t.same(complaints({ [name]: bad }), [
        `${name}: expected a whole number from ${knob.min} to ${knob.max}`,
      ])
    }
  }
  t.same(complaints({ preset: 'four-servers' }), ['preset: expected one of one-server, three-servers'])
  t.same(complaints({ diagnostics: 'yes' }), ['diagnostics: expected true or false'])
})

t.test('config - what is no object at all is one complaint', async (t) => {
  for (const bad of [null, 3, 'x', []]) t.same(complaints(bad), ['expected an object of knobs'])
})

t.test('config - knobs that must stand in a relation are checked together', async (t) => {
  const broken: readonly (readonly [object, RegExp])[] = [
    [{ shardCount: 100 }, /^shardCount: .*power of two/],
    [{ leaseRenewMs: 2_000 }, /^leaseRenewMs: /],
    [{ leaseMarginMs: 4_000 }, /^leaseMarginMs: /],
    [{ probeMs: 5_000 }, /^probeMs: /],
    [{ readLeaseMs: 5_000 }, /^readLeaseMs: /],
    [{ mirrorResendMs: 200 }, /^mirrorResendMs: .*readLeaseMs/],
    [{ mirrorResendMs: 150, mirrorLateMs: 150 }, /^mirrorResendMs: .*mirrorLateMs/],
    [{ mirrorLateMs: 6_000 }, /^mirrorLateMs: /],
    [{ askTimeoutMs: 90_000 }, /^askTimeoutMs: /],
    [{ replyKeepMs: 60_000 }, /^replyKeepMs: /],
    [{ payloadBytesMax: 524_288 }, /^payloadBytesMax: /],
  ]
  for (const [input, complaint] of broken) {
    t.equal(complaints(input).length, 1, JSON.stringify(input))
    t.match(complaints(input)[0], complaint)
  }
})

t.test('config - its codec and its guard agree', async (t) => {
  for (const value of [{}, { leaseMs: 1_000 }, { leaseMs: -1 }, { lease: 1 }, null, 'x']) {
    t.equal(configInput.is(value), E.isRight(configInput.decode(value)), JSON.stringify(value))
  }
  t.same(configInput.encode({ leaseMs: 7_000 }), { leaseMs: 7_000 })
})
