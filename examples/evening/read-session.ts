import { existsSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { type Evening, parseEvening } from './session.js'

/** Beside this file, or, when this file was compiled, in the sources. */
const places = ['./session.jsonl', '../../../examples/evening/session.jsonl']

/** Reads the evening that is kept with the demo. */
export const readSession = (): Evening => {
  const files = places.map((place) => fileURLToPath(new URL(place, import.meta.url)))
  const file = files.find((one) => existsSync(one))
  if (file === undefined)
    throw new Error(`The demo's session.jsonl is missing: looked at ${files.join(' and ')}.`)
  return parseEvening(readFileSync(file, 'utf8'))
}
