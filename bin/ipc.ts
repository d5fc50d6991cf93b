/** What `tumen up` and the processes of its nodes say to each other over the channel between them. */
import type { Json } from '../supervisors/launched.js'
import { Plain, sentenceOf } from './plain.js'

export type FromNode =
  | { readonly type: 'ready'; readonly node: string; readonly info: { readonly [name: string]: Json } }
  | { readonly type: 'failed'; readonly sentence: string }
  | { readonly type: 'answer'; readonly n: number; readonly value: Json }
  | { readonly type: 'sorry'; readonly n: number; readonly sentence: string; readonly exitCode: number }

export interface ToNode {
  readonly type: 'request'
  readonly n: number
  readonly verb: string
  readonly argument: Json
}

/** Answers one request. */
export const answer = async (
  request: ToNode,
  perform: (verb: string, argument: Json) => Promise<Json>,
): Promise<FromNode> => {
  try {
    return { type: 'answer', n: request.n, value: await perform(request.verb, request.argument) }
  } catch (error) {
    const exitCode = error instanceof Plain ? error.exitCode : 1
    return { type: 'sorry', n: request.n, sentence: sentenceOf(error), exitCode }
  }
}
