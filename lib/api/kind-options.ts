/** The definition of a kind as it arrives from JavaScript, where the compiler has checked nothing. */
import { Misuse } from './misuse.js'
import { checkNames, isObject } from './option-names.js'
import { sourceData, type StateSource } from './source.js'

const optionNames = [
  ...['state', 'inner', 'init', 'on', 'activate', 'consistency', 'merge', 'onConflict'],
  ...['placementKey', 'placementGroup', 'placement', 'role', 'rebalance'],
  ...['limits', 'reminders', 'remember'],
]
const leastOf: Readonly<Record<string, number>> = { mailboxCountMax: 1, stateBytesMax: 1, idleMs: 0 }
const sources = ['mirrored', 'persisted', 'rebuilt', 'disposable']

type Loose = Readonly<Record<string, unknown>>

const checkLimits = (kind: string, limits: unknown, refuse: (what: string) => never): void => {
  if (limits === undefined) return
  if (!isObject(limits)) return refuse('limits: expected an object, such as { idleMs: 60_000 }, or nothing')
  checkNames(limits, Object.keys(leastOf), `"${kind}": limits`)
  for (const [name, value] of Object.entries(limits)) {
    const least = leastOf[name] ?? 0
    if (value !== undefined && !(Number.isSafeInteger(value) && value >= least))
      refuse(`limits.${name}: expected a whole number, ${least} or more`)
  }
}

/** Throws `Misuse` for an option that is unknown, missing, or no such thing. */
export const checkKindOptions = (kind: string, given: unknown): void => {
  const refuse = (what: string): never => {
    throw new Misuse('InvalidDeclaration', `"${kind}": ${what}.`)
  }
  if (!isObject(given)) return refuse('expected a definition, such as { state, init, on }')
  checkNames(given, optionNames, `"${kind}"`)
  const loose = given as Loose
  const { state, on, consistency = 'strict', limits } = loose
  if (!isObject(state) || !sources.includes(sourceData(state as StateSource<never>).type))
    refuse('state: expected mirrored(codec), persisted(codec), rebuilt(…) or disposable()')
  if (typeof loose['init'] !== 'function')
    refuse('init: expected a function that gives the first state, such as () => 0')
  if (!isObject(on)) return refuse('on: expected an object with a handler per message')
  for (const [tag, handle] of Object.entries(on))
    if (typeof handle !== 'function') refuse(`on.${tag}: expected a function`)
  for (const name of ['placementKey', 'merge', 'onConflict'])
    if (loose[name] !== undefined && typeof loose[name] !== 'function')
      refuse(`${name}: expected a function, or nothing`)
  for (const name of ['reminders', 'remember'])
    if (loose[name] !== undefined && typeof loose[name] !== 'boolean')
      refuse(`${name}: expected true, false, or nothing`)
  if (consistency !== 'strict' && consistency !== 'available')
    refuse(`consistency: expected 'strict' or 'available'`)
  checkLimits(kind, limits, refuse)
}
