/** What a codec has to complain about, for people: fields and expectations, never the values. */
import type * as t from 'io-ts'

const complaintsCountMax = 8
const nameCharsMax = 120

/** io-ts numbers the branches of these instead of naming a field. */
const isBranching = (type: t.Decoder<never, unknown> | undefined): boolean => {
  const tag = (type as { readonly _tag?: unknown } | undefined)?._tag
  return tag === 'UnionType' || tag === 'IntersectionType'
}

const pathOf = (context: t.Context): string =>
  context
    .filter((entry, index) => entry.key !== '' && !isBranching(context[index - 1]?.type as never))
    .map((entry) => entry.key)
    .join('.')

const complaintOf = (error: t.ValidationError): string => {
  const path = pathOf(error.context)
  const name = error.context.at(-1)?.type.name ?? 'something else'
  const wish = error.message ?? `expected ${name.slice(0, nameCharsMax)}`
  return path === '' ? wish : `${path}: ${wish}`
}

/** At most eight, each said once, such as `members.0: expected PlayerId, 1 to 256 characters`. */
export const complaintsOf = (errors: t.Errors): readonly string[] => {
  const all = [...new Set(errors.map(complaintOf))]
  const shown = all.slice(0, complaintsCountMax)
  return all.length > shown.length ? [...shown, `and ${all.length - shown.length} more`] : shown
}
