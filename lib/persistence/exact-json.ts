/**
 * What travels between nodes as JSON, exactly: what JSON, or a store that keeps text, would change or refuse
 * is written as `{ "$": [sort, value] }`. All else stays as readable as it is.
 */
import type { Wire } from '../wire/envelope.js'

export type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json }

/** A zero character, or half of a pair: PostgreSQL takes neither. */
const isOdd = (text: string): boolean => /[\0\ud800-\udfff]/u.test(text)
const special = (...parts: readonly Json[]): Json => ({ $: parts })
const isExactNumber = (value: number): boolean => Number.isFinite(value) && !Object.is(value, -0)

export const toJson = (wire: Wire): Json => {
  switch (typeof wire) {
    case 'undefined':
      return special('undefined')
    case 'string':
      return isOdd(wire) ? special('text', Buffer.from(wire, 'utf16le').toString('base64')) : wire
    case 'number':
      return isExactNumber(wire) ? wire : special('number', Object.is(wire, -0) ? '-0' : String(wire))
    case 'boolean':
      return wire
  }
  if (wire === null) return null
  if (wire instanceof Uint8Array) return special('bytes', Buffer.from(wire).toString('base64'))
  if (Array.isArray(wire)) return wire.map(toJson)
  const fields = Object.entries(wire as { readonly [key: string]: Wire })
  if (fields.some(([key]) => key === '$' || key === '__proto__' || isOdd(key)))
    return special('object', ...fields.map(([key, value]) => [toJson(key), toJson(value)]))
  return Object.fromEntries(fields.map(([key, value]) => [key, toJson(value)]))
}

const fromSpecial = ([sort, ...parts]: readonly Json[]): Wire => {
  const text = String(parts[0])
  switch (sort) {
    case 'undefined':
      return undefined
    case 'text':
      return Buffer.from(text, 'base64').toString('utf16le')
    case 'number':
      return Number(text)
    case 'bytes':
      return new Uint8Array(Buffer.from(text, 'base64'))
    case 'object':
      return Object.fromEntries(
        (parts as unknown as readonly (readonly [string, Json])[]).map(([key, value]) => [
          String(fromJson(key)),
          fromJson(value),
        ]),
      )
  }
  throw new TypeError(`"${String(sort)}" is no sort of value`)
}

/** Throws for what `toJson` did not make. */
export const fromJson = (json: Json): Wire => {
  if (typeof json !== 'object' || json === null) return json
  if (Array.isArray(json)) return (json as readonly Json[]).map(fromJson)
  const fields = json as { readonly [key: string]: Json }
  if (Array.isArray(fields['$'])) return fromSpecial(fields['$'])
  return Object.fromEntries(Object.entries(fields).map(([key, value]) => [key, fromJson(value)]))
}
