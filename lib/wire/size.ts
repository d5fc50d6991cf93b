import type { Wire } from './envelope.js'

/**
 * About how many bytes this takes on the wire, without encoding it: exact for plain text, within a few
 * percent else.
 */
export const sizeOf = (wire: Wire): number => {
  if (typeof wire === 'string') return wire.length + 3
  if (wire instanceof Uint8Array) return wire.length + 5
  if (typeof wire !== 'object' || wire === null) return typeof wire === 'number' ? 5 : 1
  let bytes = 3
  if (Array.isArray(wire)) for (const item of wire as readonly Wire[]) bytes += sizeOf(item)
  else for (const [key, item] of Object.entries(wire)) bytes += key.length + 1 + sizeOf(item)
  return bytes
}
