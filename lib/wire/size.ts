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
  else {
    const fields = wire as { readonly [key: string]: Wire }
    // Makes no list of the fields: this runs for each message. What travels inherits no fields.
    for (const key in fields) bytes += key.length + 1 + sizeOf(fields[key])
  }
  return bytes
}
