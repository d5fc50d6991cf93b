/** A broken assumption of the program itself: never caught to go on, a supervisor judges it. */
export class AssertionFailed extends Error {
  override readonly name = 'AssertionFailed'
  constructor(
    message: string,
    readonly context: Readonly<Record<string, unknown>>,
  ) {
    super(message)
  }
}

const show = (context: Readonly<Record<string, unknown>>): string => {
  const parts = Object.entries(context).map(([key, value]) => `${key}=${String(value)}`)
  return parts.length === 0 ? '' : ` (${parts.join(', ')})`
}

/** Throws `AssertionFailed` unless `holds`. For programmer errors only; expected failures are values. */
export function assert(
  holds: boolean,
  message: string,
  context: Readonly<Record<string, unknown>> = {},
): asserts holds {
  if (!holds) throw new AssertionFailed(message + show(context), context)
}

/** Ends a `switch` over a closed union: a member that was forgotten does not compile. */
export const unreachable = (never: never): never => {
  const value: unknown = never
  throw new AssertionFailed('reached a case that cannot be', { value })
}
