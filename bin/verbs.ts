/** What can be asked of a running node from outside, as JSON in and JSON out. */
import * as E from 'fp-ts/lib/Either.js'
import {
  decodePayload,
  encodeRefusal,
  encodeReply,
  type KindData,
  type MessageSpecData,
} from '../lib/api/internal.js'
import { namesInstead, nearestName } from '../lib/config.js'
import { AskFailed } from '../lib/errors.js'
import type { AnyProtocol, Kind, RebalanceOptions, Ref, TumenNode } from '../lib/index.js'
import type { Json } from '../supervisors/launched.js'
import { Plain } from './plain.js'

export interface Target {
  readonly node: TumenNode
  readonly kinds: ReadonlyMap<string, KindData>
}

/** For `ask` and `tell`. `message` is `{"Tag": fields}`, or the tag alone when there are no fields. */
export interface Words {
  readonly kind: string
  readonly id: string
  readonly message: Json
  readonly timeoutMs?: number
}

const kindOf = ({ kinds }: Target, kind: string): KindData => {
  const found = kinds.get(kind)
  if (found !== undefined) return found
  const names = [...kinds.keys()]
  if (names.length === 0) throw new Plain(`The app has no kinds, so there is no "${kind}".`, 2)
  const advice = namesInstead(kind, names, `it has ${names.join(', ')}.`)
  throw new Plain(`The app has no kind "${kind}"; ${advice}`, 2)
}

const checkedId = (kind: KindData, id: string): string => {
  const decoded = kind.data.id?.decode(id)
  if (decoded !== undefined && E.isLeft(decoded))
    throw new Plain(`ID: "${id.slice(0, 80)}" is no id of a ${kind.kind}.`, 2)
  return id
}

interface Said {
  readonly spec: MessageSpecData
  readonly message: unknown
  readonly tag: string
}

/** What some write the tag of a message into; here it is the key. */
const tagFields = ['_tag', 'tag', 'type']

const knownTag = (kind: KindData, tag: string): MessageSpecData => {
  const spec = kind.data.specs.get(tag)
  if (spec !== undefined) return spec
  const tags = [...kind.data.specs.keys()]
  const advice = namesInstead(tag, tags, `it knows ${tags.join(', ')}.`)
  throw new Plain(`A ${kind.kind} knows no message "${tag}"; ${advice}`, 2)
}

/** Refuses `{"_tag":"Info"}` with the form that was meant. */
const refuseTagField = (kind: KindData, named: Readonly<Record<string, unknown>>): void => {
  const field = tagFields.find((name) => typeof named[name] === 'string' && !kind.data.specs.has(name))
  if (field === undefined) return
  const { [field]: given, ...fields } = named
  const tags = [...kind.data.specs.keys()]
  const tag = nearestName(String(given), tags) ?? tags[0] ?? 'Tag'
  const meant = JSON.stringify({ [tag]: Object.keys(fields).length === 0 ? null : fields })
  throw new Plain(`JSON: the tag is the key, there is no "${field}"; did you mean '${meant}'?`, 2)
}

/** A message whose fields were left out altogether is told of each of them. */
const decodeFields = (spec: MessageSpecData, fields: unknown): E.Either<readonly string[], unknown> => {
  const given = fields ?? undefined
  const decoded = decodePayload(spec, given)
  return E.isLeft(decoded) && given === undefined ? decodePayload(spec, {}) : decoded
}

/** The message that a JSON text means. Throws a sentence with what was expected. */
const messageOf = (kind: KindData, json: Json): Said => {
  const named = typeof json === 'string' ? { [json]: undefined } : json
  const tags = [...kind.data.specs.keys()]
  if (typeof named === 'object' && named !== null) refuseTagField(kind, named as Record<string, unknown>)
  const [tag, ...more] = typeof named === 'object' && named !== null ? Object.keys(named) : []
  if (tag === undefined || more.length > 0) {
    throw new Plain(
      `JSON: expected one message, such as '{"${tags[0]}": …}'; a ${kind.kind} knows ${tags.join(', ')}.`,
      2,
    )
  }
  const spec = knownTag(kind, tag)
  const decoded = decodeFields(spec, (named as Record<string, unknown>)[tag])
  if (E.isLeft(decoded)) throw new Plain(`${kind.kind}.${tag}: ${decoded.left.join('; ')}.`, 2)
  const make = (kind.protocol as Record<string, (payload: unknown) => unknown>)[tag]
  return { spec, tag, message: make?.(decoded.right) }
}

const refOf = ({ node }: Target, kind: KindData, id: string): Ref<string> =>
  node.ref(kind.protocol as AnyProtocol, id as never)

/** Asks an entity. Gives `{"reply": …}` or `{"refusal": …}`; anything else is thrown as a sentence. */
const askEntity = async (target: Target, words: Words): Promise<Json> => {
  const kind = kindOf(target, words.kind)
  const said = messageOf(kind, words.message)
  if (said.spec.form === 'tell') throw new Plain(`${kind.kind}.${said.tag} has no reply: use tumen tell.`, 2)
  const options = words.timeoutMs === undefined ? {} : { timeoutMs: words.timeoutMs }
  try {
    const reply = await refOf(target, kind, checkedId(kind, words.id)).ask(said.message as never, options)
    return { reply: (encodeReply(said.spec, reply) ?? null) as Json }
  } catch (error) {
    if (!(error instanceof AskFailed)) throw error
    if (error.reason.tag !== 'Refused') throw new Plain(error.message)
    return { refusal: (encodeRefusal(said.spec, error.reason.refusal) ?? null) as Json }
  }
}

/** Tells an entity; nobody knows whether it arrives. */
const tellEntity = (target: Target, words: Words): Json => {
  const kind = kindOf(target, words.kind)
  const said = messageOf(kind, words.message)
  if (said.spec.form !== 'tell') throw new Plain(`${kind.kind}.${said.tag} has a reply: use tumen ask.`, 2)
  refOf(target, kind, checkedId(kind, words.id)).tell(said.message as never)
  return { told: true }
}

interface ListWords {
  readonly kind: string
  readonly limit?: number
  readonly after?: string
}
/** One page of the entities of a kind, and how many there are in all. */
const listEntities = async (target: Target, { kind: name, ...options }: ListWords): Promise<Json> => {
  const kind = kindOf(target, name) as unknown as Kind<string, string>
  const [page, { total }] = await Promise.all([target.node.entities(kind, options), target.node.count(kind)])
  return { ...page, total } as unknown as Json
}

/** What a node answers to a verb. */
export const perform = async (target: Target, verb: string, argument: Json): Promise<Json> => {
  if (verb === 'status') return target.node.status() as unknown as Json
  if (verb === 'tree') return target.node.tree() as unknown as Json
  if (verb === 'ask') return askEntity(target, argument as unknown as Words)
  if (verb === 'tell') return tellEntity(target, argument as unknown as Words)
  if (verb === 'entities') return listEntities(target, argument as unknown as ListWords)
  if (verb === 'where') {
    const { kind: name, id } = argument as unknown as Words
    const kind = kindOf(target, name)
    return target.node.where(kind.protocol as AnyProtocol, checkedId(kind, id) as never) as unknown as Json
  }
  if (verb === 'rebalance')
    return (await target.node.rebalance(argument as unknown as RebalanceOptions)) as unknown as Json
  throw new Plain(`A node knows no verb "${verb}".`)
}
