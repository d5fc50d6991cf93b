/**
 * What the server tells its system account of connections that ended, so that a crash of a node is looked
 * into at once. A hint and never a proof: who hears it probes.
 */
import * as E from 'fp-ts/lib/Either.js'
import * as t from 'io-ts'
import type { Msg } from 'nats'
import { StartFailed } from '../errors.js'
import { Connection, type ConnectionParts } from './nats-connection.js'

const disconnects = '$SYS.ACCOUNT.*.DISCONNECT'

/** As servers list it; the advisories carry it. */
export const connectionName = (cluster: string, nodeName: string, lane: string): string =>
  `tumen ${cluster} ${nodeName} ${lane}`

const advisory = t.type({ client: t.type({ name: t.string }), reason: t.string })

/** The name of a node whose control connection ended, and whether the node's side ended it. */
export const disconnectedIn = (
  cluster: string,
  text: string,
): { readonly nodeName: string; readonly isSudden: boolean } | undefined => {
  let json: unknown
  try {
    json = JSON.parse(text)
  } catch {
    return undefined
  }
  const decoded = advisory.decode(json)
  if (E.isLeft(decoded)) return undefined
  const { client, reason } = decoded.right
  const [head, tail] = [connectionName(cluster, '', '').trimEnd(), ' control']
  // A server that shuts down ends the connections of nodes that are well.
  if (!client.name.startsWith(`${head} `) || !client.name.endsWith(tail) || /shutdown/i.test(reason))
    return undefined
  const nodeName = client.name.slice(head.length + 1, -tail.length)
  return { nodeName, isSudden: reason === 'Client Closed' }
}

type Listener = (nodeName: string, isSudden: boolean) => void

export class Advisories {
  readonly #listeners = new Set<Listener>()
  readonly #connection: Connection
  readonly #cluster: string

  private constructor(connection: Connection, cluster: string) {
    this.#connection = connection
    this.#cluster = cluster
  }

  /** Rejects with a `StartFailed` when the system account is refused, or may not hear of connections. */
  static async open(parts: ConnectionParts): Promise<Advisories> {
    const connection = await Connection.open(parts)
    const advisories = new Advisories(connection, parts.cluster)
    connection.subscribe(disconnects, (message) => advisories.#tell(message))
    await connection.nc.flush()
    // A refusal comes before the answer to the flush, but by a longer way inside the client.
    await connection.nc.flush()
    if (connection.denied[0] === undefined) return advisories
    await connection.close()
    throw new StartFailed(
      'NatsNotUsable',
      `The systemAccount of this node may not subscribe to "${disconnects}": ` +
        'give a user of the system account.',
    )
  }

  listen(listener: Listener): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  close(): Promise<void> {
    return this.#connection.close()
  }

  #tell(message: Msg): void {
    const found = disconnectedIn(this.#cluster, Buffer.from(message.data).toString())
    if (found === undefined) return
    for (const listener of [...this.#listeners]) listener(found.nodeName, found.isSudden)
  }
}
