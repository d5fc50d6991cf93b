/** Options as they arrive from JavaScript, where the compiler has checked nothing. */
import { namesInstead, nearestName } from '../config.js'
import { Misuse } from './misuse.js'

export const isObject = (value: unknown): value is object => typeof value === 'object' && value !== null

/** Throws `Misuse` for the first option that is none of `names`, with the nearest one. */
export const checkNames = (given: object, names: readonly string[], place: string): void => {
  for (const name of Object.keys(given)) {
    if (names.includes(name)) continue
    const short = name.slice(0, 80)
    const instead = namesInstead(short, names, `expected ${names.join(', ')}.`)
    throw new Misuse('InvalidDeclaration', `${place}: "${short}" is not an option; ${instead}`)
  }
}

/** Throws `Misuse` for a name that is almost one of `names`; others are ignored, as OTP does. */
export const checkTypos = (given: unknown, names: readonly string[], place: string): void => {
  checkOptions(given, [...names, ...strangers(given, names)], place)
}
const strangers = (given: unknown, names: readonly string[]): readonly string[] =>
  isObject(given) ? Object.keys(given).filter((name) => nearestName(name, names) === undefined) : []

/** The same, and throws for what is no object. */
export const checkOptions = (given: unknown, names: readonly string[], place: string): void => {
  if (!isObject(given) || Array.isArray(given))
    throw new Misuse('InvalidDeclaration', `${place}: options: expected an object, such as {}.`)
  checkNames(given, names, place)
}
