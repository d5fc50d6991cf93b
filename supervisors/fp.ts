/** The verbs of a node for people who compose with fp-ts: data last, and expected failures on the left. */
import * as E from 'fp-ts/lib/Either.js'
import type { TaskEither } from 'fp-ts/lib/TaskEither.js'
import {
  AskFailed,
  StartFailed,
  type Ask,
  type AskError,
  type AskOptions,
  type Kind,
  type LocalRef,
  type NodeOptions,
  type Ref,
  type Refused,
  type Spawned,
  type StartError,
  type TumenNode,
} from '../lib/index.js'
import * as node from './node/start.js'

/** What an ask may be answered with instead of a reply: the refusal only where the message declares one. */
export type AskFailure<X> = AskError | ([X] extends [never] ? never : Refused<X>)

/** What a spawn may fail with. */
export type SpawnError = Exclude<
  AskError,
  { readonly tag: 'NoRecipient' | 'Cancelled' | 'PayloadTooLarge' | 'StateLost' }
>

/**
 * A promise that rejects with `AskFailed`, as a value. Whatever else it rejects with is a bug and stays a
 * rejection.
 */
const reasonOrThrow = (error: unknown): AskFailed['reason'] => {
  if (error instanceof AskFailed) return error.reason
  throw error
}
const settled = <R>(promise: Promise<R>): Promise<E.Either<AskFailed['reason'], R>> =>
  promise.then(E.right, (error: unknown) => E.left(reasonOrThrow(error)))

interface AskVerb {
  <N extends string, R, X>(
    message: Ask<N, string, unknown, R, X, 'id'>,
    options?: AskOptions,
  ): (ref: Ref<N>) => TaskEither<AskFailure<X>, R>
  <N extends string, R, X>(
    message: Ask<N, string, unknown, R, X, 'id' | 'node'>,
    options?: AskOptions,
  ): (ref: LocalRef<N>) => TaskEither<AskFailure<X>, R>
}

/**
 * Sends and waits for the reply. Lazy: each run of the task is an ask of its own, unless `options.reqId`
 * says that it is the same.
 *
 * @example
 * pipe(party, ask(Party.Create({ by }), { timeoutMs: 500 }), TE.map((view) => view.leader))
 */
export const ask = (<N extends string, R, X>(
  message: Ask<N, string, unknown, R, X, 'id'>,
  options?: AskOptions,
) =>
  (ref: Ref<N>) =>
  () =>
    settled(ref.ask(message, options))) as AskVerb

/** Starts an entity, or finds it started. */
export const spawn =
  <N extends string, I>(kind: Kind<N, I>, id: I) =>
  (node: TumenNode): TaskEither<SpawnError, Spawned<N>> =>
  () =>
    settled(node.spawn(kind, id)) as Promise<E.Either<SpawnError, Spawned<N>>>

/** Starts a node and joins its cluster. When it is a left, nothing of the node is left running. */
export const startNode =
  (options: NodeOptions): TaskEither<StartError, TumenNode> =>
  () =>
    node.startNode(options).then(E.right, (error: unknown) => {
      if (!(error instanceof StartFailed)) throw error
      const { code, sentence, cause } = error
      return E.left(cause === undefined ? { tag: code, sentence } : { tag: code, sentence, cause })
    })
