/**
 * The subjects of NATS that a cluster uses: the only place that builds or reads one.
 *
 *     tumen.<cluster>.n.<node name>.<incarnation>.<lane>    lane: d data, c control, p probe
 *     tumen.<cluster>.r.<chain>.<version>                   one version of a record
 *     tumen.<cluster>.i.…                                   answers to requests, and what watches show
 *     tumen.<name>.j.<key>                                  entries of one journal
 *     tumen.<name>.s.<key>                                  snapshots of one journal
 *
 * A user of one cluster needs to publish and subscribe on `tumen.<cluster>.>`, and to publish on the
 * subjects of `apiSubjects`.
 */
import * as E from 'fp-ts/lib/Either.js'
import { isName, nodeId, type NodeId, parseNodeId } from '../ids.js'

export type SubjectLane = 'data' | 'control' | 'probe'
const letters: Readonly<Record<SubjectLane, string>> = { data: 'd', control: 'c', probe: 'p' }

export const clusterSubjects = (cluster: string): string => `tumen.${cluster}.>`
export const inboxPrefix = (cluster: string): string => `tumen.${cluster}.i`

/** Where frames for an incarnation go. The id must be one: see `parseNodeId`. */
export const nodeSubject = (cluster: string, node: NodeId, lane: SubjectLane): string => {
  const cut = node.lastIndexOf('#')
  return `tumen.${cluster}.n.${node.slice(0, cut)}.${node.slice(cut + 1)}.${letters[lane]}`
}

/** Incarnations begin with 1: nobody listens here. For tests of permissions. */
export const unusedNodeSubject = (cluster: string, nodeName: string): string =>
  `tumen.${cluster}.n.${nodeName}.0.d`

export const parseNodeSubject = (
  subject: string,
): E.Either<string, { readonly cluster: string; readonly node: NodeId; readonly lane: SubjectLane }> => {
  const tokens = subject.split('.')
  const [root, cluster = '', branch, name = '', incarnation, letter] = tokens
  const lane = (Object.keys(letters) as SubjectLane[]).find((one) => letters[one] === letter)
  const node = nodeId(name, Number(incarnation))
  const known = root === 'tumen' && branch === 'n' && tokens.length === 6 && isName(cluster)
  return known && lane !== undefined && E.isRight(parseNodeId(node))
    ? E.right({ cluster, node, lane })
    : E.left(`"${subject.slice(0, 80)}" is no subject of a node`)
}

export const recordsStream = (cluster: string): string => `tumen_${cluster}_records`
export const recordSubjects = (cluster: string): string => `tumen.${cluster}.r.>`
export const recordSubject = (cluster: string, chain: string, version: number): string =>
  `tumen.${cluster}.r.${chain}.${version}`

/** All versions of one chain. */
export const chainSubjects = (cluster: string, chain: string): string => `tumen.${cluster}.r.${chain}.*`
/** All versions of all chains under a prefix of whole tokens. */
export const prefixSubjects = (cluster: string, prefix: string): string => `tumen.${cluster}.r.${prefix}.>`

export const parseRecordSubject = (
  cluster: string,
  subject: string,
): E.Either<string, { readonly chain: string; readonly version: number }> => {
  const head = `tumen.${cluster}.r.`
  const cut = subject.lastIndexOf('.')
  const chain = subject.slice(head.length, cut)
  const version = Number(subject.slice(cut + 1))
  return subject.startsWith(head) &&
    cut >= head.length &&
    chain !== '' &&
    Number.isSafeInteger(version) &&
    version > 0
    ? E.right({ chain, version })
    : E.left(`"${subject.slice(0, 80)}" is no subject of a record`)
}

/** What tumen asks of JetStream. */
export const apiSubjects = (cluster: string) => {
  const stream = recordsStream(cluster)
  return {
    streamInfo: `$JS.API.STREAM.INFO.${stream}`,
    streamCreate: `$JS.API.STREAM.CREATE.${stream}`,
    streamPurge: `$JS.API.STREAM.PURGE.${stream}`,
    messageGet: `$JS.API.STREAM.MSG.GET.${stream}`,
    consumerCreate: `$JS.API.CONSUMER.CREATE.${stream}`,
    consumerDelete: (consumer: string): string => `$JS.API.CONSUMER.DELETE.${stream}.${consumer}`,
  }
}

/** A key as one token: what NATS does not take becomes `=` and two hexadecimal digits per byte. */
const keyToken = (key: string): string =>
  [...Buffer.from(key)]
    .map((byte) => {
      const sign = String.fromCharCode(byte)
      return /[A-Za-z0-9_-]/.test(sign) ? sign : `=${byte.toString(16).padStart(2, '0')}`
    })
    .join('')

/** The stream of all journals, or of all snapshots, of one name. */
export const journalStream = (name: string, part: 'journal' | 'snapshots') => {
  const stream = `tumen_${name}_${part}`
  const head = `tumen.${name}.${part === 'journal' ? 'j' : 's'}`
  return {
    stream,
    subjects: `${head}.>`,
    subject: (key: string): string => `${head}.${keyToken(key)}`,
    streamInfo: `$JS.API.STREAM.INFO.${stream}`,
    streamCreate: `$JS.API.STREAM.CREATE.${stream}`,
    streamPurge: `$JS.API.STREAM.PURGE.${stream}`,
    messageGet: `$JS.API.STREAM.MSG.GET.${stream}`,
    consumerCreate: `$JS.API.CONSUMER.CREATE.${stream}`,
    consumerNext: (consumer: string): string => `$JS.API.CONSUMER.MSG.NEXT.${stream}.${consumer}`,
    consumerDelete: (consumer: string): string => `$JS.API.CONSUMER.DELETE.${stream}.${consumer}`,
  }
}
export type JournalStream = ReturnType<typeof journalStream>

/** The place of a message in its consumer and in its stream, from the subject it is to be acknowledged at. */
export interface DeliveryInfo {
  readonly streamSequence: number
  readonly consumerSequence: number
  /** Messages that matched and were still to come. */
  readonly pending: number
}

/**
 * `$JS.ACK.<stream>.<consumer>.<delivered>.<stream seq>.<consumer seq>.<time>.<pending>`; newer servers put
 * a domain and an account in front.
 */
export const parseAckSubject = (subject: string): E.Either<string, DeliveryInfo> => {
  const tokens = subject.split('.')
  const at = tokens.length >= 11 ? 7 : 5
  const [streamSequence, consumerSequence, , pending] = tokens.slice(at).map(Number)
  return tokens[0] === '$JS' &&
    tokens[1] === 'ACK' &&
    streamSequence !== undefined &&
    consumerSequence !== undefined &&
    pending !== undefined &&
    [streamSequence, consumerSequence, pending].every(Number.isSafeInteger)
    ? E.right({ streamSequence, consumerSequence, pending })
    : E.left('not a delivery of JetStream')
}
