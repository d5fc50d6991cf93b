/**
 * What nodes say to each other about monitors. The watcher's node asks again from time to time, so a lost
 * frame delays and never loses an end; what is not asked for any more is forgotten.
 */
import * as E from 'fp-ts/lib/Either.js'
import * as t from 'io-ts'
import type { FarReason } from '../api/exit.js'
import { textOfThrown } from '../std/text.js'
import type { Wire } from '../wire/envelope.js'

const Reason = t.intersection([
  t.type({
    tag: t.keyof({
      normal: null,
      shutdown: null,
      crash: null,
      kill: null,
      noproc: null,
      noconnection: null,
      overloaded: null,
    }),
  }),
  t.partial({ text: t.string }),
])

const number = { n: t.number }
/** Watch this life; with `life` only that one, which an earlier owner has named. */
const Monitor = t.type({ ...number, kind: t.string, id: t.string, life: t.union([t.string, t.null]) })
const Monitored = t.type({ ...number, life: t.string })
const Elsewhere = t.type({ ...number, node: t.string })
const Ended = t.type({ ...number, reason: Reason })
const Demonitor = t.type(number)

export type MonitorRequest = t.TypeOf<typeof Monitor>

export type MonitorMessage =
  | ({ readonly verb: 'monitor' } & MonitorRequest)
  | ({ readonly verb: 'demonitor' } & t.TypeOf<typeof Demonitor>)
  | ({ readonly verb: 'monitored' } & t.TypeOf<typeof Monitored>)
  | ({ readonly verb: 'elsewhere' } & t.TypeOf<typeof Elsewhere>)
  | { readonly verb: 'down'; readonly n: number; readonly reason: FarReason }

const codecs = { monitor: Monitor, demonitor: Demonitor, monitored: Monitored, elsewhere: Elsewhere } as const

const charsMax = 1_000
const shown = (value: unknown): string => textOfThrown(value).slice(0, charsMax)

const reasonToWire = (reason: FarReason): Wire => {
  if (reason.tag === 'crash') return { tag: 'crash', text: shown(reason.error) }
  if (reason.tag === 'shutdown' && reason.detail !== undefined)
    return { tag: 'shutdown', text: shown(reason.detail) }
  return { tag: reason.tag }
}
const reasonFrom = ({ tag, text }: t.TypeOf<typeof Reason>): FarReason => {
  if (tag === 'crash') return { tag, error: text ?? '' }
  return tag === 'shutdown' && text !== undefined ? { tag, detail: text } : { tag }
}

export const monitorBody = (message: MonitorMessage): Wire => {
  const { verb, ...body } = message
  return verb === 'down' ? { n: message.n, reason: reasonToWire(message.reason) } : (body as Wire)
}

/** Undefined for another verb, or for what does not fit. */
export const monitorMessageFrom = (verb: string, body: Wire): MonitorMessage | undefined => {
  if (verb === 'down') {
    const ended = Ended.decode(body)
    if (E.isLeft(ended)) return undefined
    return { verb, n: ended.right.n, reason: reasonFrom(ended.right.reason) }
  }
  if (!Object.hasOwn(codecs, verb)) return undefined
  const decoded = codecs[verb as keyof typeof codecs].decode(body)
  return E.isLeft(decoded) ? undefined : ({ verb, ...decoded.right } as MonitorMessage)
}
