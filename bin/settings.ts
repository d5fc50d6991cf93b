/**
 * Where each knob's value comes from: the app's own options, a `--flag`, a `TUMEN_*` variable,
 * `tumen.config.json`, or the default, in this order.
 */
import * as E from 'fp-ts/lib/Either.js'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import {
  type Config,
  type ConfigInput,
  configInput,
  expectation,
  type Knob,
  type KnobName,
  knobNames,
  knobs,
  nearestName,
  resolveConfig,
  sentenceOf,
  unitOf,
} from '../lib/config.js'
import { Plain, parseJson, readText } from './plain.js'

export type Source = 'app' | 'flag' | 'environment' | 'tumen.config.json' | 'default'

export interface Setting {
  readonly knob: KnobName
  readonly value: Config[KnobName]
  readonly source: Source
  /** The flag or variable that sets it. */
  readonly flag: string
  readonly variable: string
  readonly unit: string
  /** What a value must be, such as `a whole number from 1 to 64`. */
  readonly range: string
  readonly default: string | number | boolean
  /** Of a number. */
  readonly min?: number
  readonly max?: number
  readonly meaning: string
}

export interface Settings {
  readonly config: Config
  /** What is not a default, to hand to another process. */
  readonly given: ConfigInput
  readonly table: readonly Setting[]
}

export interface SettingSources {
  /** The `config` of the app. */
  readonly app?: unknown
  /** As commander gives them: camelCase, texts. */
  readonly flags?: Readonly<Record<string, unknown>>
  readonly environment?: Readonly<Record<string, string | undefined>>
  /** The directory of `tumen.config.json`. */
  readonly directory?: string
}

/** Variables of this prefix that are no knobs. */
const otherVariables = ['TUMEN_NATS_URL', 'TUMEN_CLUSTER', 'TUMEN_SEED']

const words = (name: string): string[] => name.split(/(?=[A-Z])/).map((word) => word.toLowerCase())
/** `leaseMs` as `--lease-ms`. */
export const flagOf = (knob: KnobName): string => `--${words(knob).join('-')}`
/** `leaseMs` as `TUMEN_LEASE_MS`. */
export const variableOf = (knob: KnobName): string => `TUMEN_${words(knob).join('_').toUpperCase()}`

const fileName = 'tumen.config.json'
const prefix = 'TUMEN_'

/** A text from outside as the value that the knob takes; the codec judges it. */
const meant = (text: string): unknown => {
  if (text === 'true' || text === 'false') return text === 'true'
  return text.trim() !== '' && Number.isFinite(Number(text)) ? Number(text) : text
}

const fromFlags = (flags: Readonly<Record<string, unknown>>): Record<string, unknown> =>
  Object.fromEntries(
    knobNames
      .filter((knob) => flags[knob] !== undefined)
      .map((knob) => [knob, typeof flags[knob] === 'string' ? meant(flags[knob]) : flags[knob]]),
  )

const fromEnvironment = (
  environment: Readonly<Record<string, string | undefined>>,
): Record<string, unknown> => {
  const byVariable = new Map(knobNames.map((knob) => [variableOf(knob), knob]))
  const found: Record<string, unknown> = {}
  for (const [variable, text] of Object.entries(environment)) {
    if (!variable.startsWith(prefix) || otherVariables.includes(variable) || text === undefined) continue
    const knob = byVariable.get(variable)
    if (knob === undefined) {
      // Without what they have in common, which would make any two of them near.
      const nearest = nearestName(
        variable.slice(prefix.length),
        [...byVariable.keys(), ...otherVariables].map((name) => name.slice(prefix.length)),
      )
      const advice =
        nearest === undefined ? '"tumen config" lists them.' : `did you mean ${prefix}${nearest}?`
      throw new Plain(`The variable ${variable} is not known; ${advice}`, 2)
    }
    found[knob] = meant(text)
  }
  return found
}

const fromFile = (directory: string): unknown => {
  const path = join(directory, fileName)
  return existsSync(path) ? parseJson(readText(path), path, '{"leaseMs":5000}') : {}
}

/** Relations between knobs are judged later, when all sources are together. */
const checked = (input: unknown, from: string): ConfigInput => {
  const decoded = configInput.decode(input)
  if (E.isRight(decoded)) return decoded.right
  throw new Plain(`${from}: ${sentenceOf(decoded.left.map(({ message }) => message ?? ''))}`, 2)
}

/** Puts the sources together. Throws a sentence that names the source, the knob and what was expected. */
export const readSettings = (sources: SettingSources = {}): Settings => {
  const layers: readonly (readonly [Source, ConfigInput])[] = [
    ['tumen.config.json', checked(fromFile(sources.directory ?? '.'), fileName)],
    ['environment', checked(fromEnvironment(sources.environment ?? {}), 'environment')],
    ['flag', checked(fromFlags(sources.flags ?? {}), 'flags')],
    ['app', checked(sources.app ?? {}, 'the config of the app')],
  ]
  const from = new Map<string, Source>()
  const given: Record<string, unknown> = {}
  for (const [source, layer] of layers) {
    for (const [knob, value] of Object.entries(layer)) {
      if (value === undefined) continue
      given[knob] = value
      from.set(knob, source)
    }
  }
  const resolved = resolveConfig(given)
  if (E.isLeft(resolved)) throw new Plain(`Configuration: ${sentenceOf(resolved.left)}`, 2)
  const config = resolved.right
  return { config, given, table: knobNames.map((knob) => settingOf(knob, config, from.get(knob))) }
}

const bounds = (knob: Knob) => ('min' in knob ? { min: knob.min, max: knob.max } : {})

const settingOf = (knob: KnobName, config: Config, source: Source | undefined): Setting => {
  const { default: byDefault, meaning }: Knob = knobs[knob]
  return {
    knob,
    value: config[knob],
    source: source ?? 'default',
    flag: flagOf(knob),
    variable: variableOf(knob),
    unit: unitOf(knob),
    range: expectation(knobs[knob]),
    ...bounds(knobs[knob]),
    default: byDefault,
    meaning,
  }
}
