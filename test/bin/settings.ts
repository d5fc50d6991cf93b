import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { flagOf, readSettings, type SettingSources, variableOf } from '../../bin/settings.js'
import { knobNames, knobs } from '../../lib/config.js'

const value = (sources: SettingSources, knob: string) => {
  const found = readSettings(sources).table.find((one) => one.knob === knob)
  return [found?.value, found?.source]
}

t.test(
  'settings - the app is stronger than a flag, that than a variable, than the file, than the default',
  async (t) => {
    const directory = t.testdir({ 'tumen.config.json': '{ "probeMs": 110 }' })
    const environment = { TUMEN_PROBE_MS: '120' }
    const flags = { probeMs: '130' }
    const app = { probeMs: 140 }
    t.same(value({ directory: t.testdirName }, 'probeMs'), [110, 'tumen.config.json'])
    t.same(value({ directory, environment }, 'probeMs'), [120, 'environment'])
    t.same(value({ directory, environment, flags }, 'probeMs'), [130, 'flag'])
    t.same(value({ directory, environment, flags, app }, 'probeMs'), [140, 'app'])
    t.same(value({ directory: t.testdir({}) }, 'probeMs'), [knobs.probeMs.default, 'default'])
  },
)

t.test('settings - the table has every knob with its unit, default and meaning', async (t) => {
  const { table } = readSettings()
  t.same(
    table.map(({ knob }) => knob),
    knobNames,
  )
  t.same(
    table.filter(({ meaning, flag, variable }) => meaning === '' || flag === '' || variable === ''),
    [],
  )
  t.match(
    table.find(({ knob }) => knob === 'leaseMs'),
    {
      unit: 'ms',
      min: 100,
      max: 600_000,
      range: 'a whole number from 100 to 600000',
    },
  )
  t.equal(table.find(({ knob }) => knob === 'diagnostics')?.range, 'true or false')
})

t.test('settings - flags and variables are named after the knob', async (t) => {
  t.equal(flagOf('askTimeoutMsMax'), '--ask-timeout-ms-max')
  t.equal(variableOf('askTimeoutMsMax'), 'TUMEN_ASK_TIMEOUT_MS_MAX')
})

t.test('settings - an unknown name is an error that names the nearest one', async (t) => {
  const directory = t.testdir({ 'tumen.config.json': '{ "leesMs": 1 }' })
  t.throws(() => readSettings({ directory }), {
    message: 'tumen.config.json: "leesMs" is not a knob; did you mean "leaseMs"?',
  })
  t.throws(() => readSettings({ environment: { TUMEN_LEESE_MS: '1' } }), {
    message: 'The variable TUMEN_LEESE_MS is not known; did you mean TUMEN_LEASE_MS?',
  })
})

t.test('settings - a wrong value is refused with its source, the knob and what was expected', async (t) => {
  t.throws(() => readSettings({ flags: { leaseMs: 'soon' } }), {
    message: 'flags: leaseMs: expected a whole number from 100 to 600000.',
  })
  t.throws(() => readSettings({ environment: { TUMEN_DIAGNOSTICS: '3' } }), {
    message: 'environment: diagnostics: expected true or false.',
  })
  t.throws(() => readSettings({ flags: { leaseMs: '200' } }), { message: /^Configuration: .*leaseRenewMs/ })
})

t.test('settings - a file that is no JSON is named', async (t) => {
  const directory = t.testdir({})
  writeFileSync(join(directory, 'tumen.config.json'), '{')
  t.throws(() => readSettings({ directory }), {
    message: /tumen\.config\.json: expected JSON, such as '\{"leaseMs":/,
  })
})

t.test('settings - a file that cannot be read is named', async (t) => {
  const directory = t.testdir({ 'tumen.config.json': {} })
  t.throws(() => readSettings({ directory }), {
    message: /tumen\.config\.json cannot be read: it is a directory\.$/,
  })
})
