/**
 * Mistakes in the program that uses tumen, each with a code and one sentence that says what to do instead.
 */
import { errorLink } from '../errors.js'
import { copiesSentence } from '../std/copies.js'

export type MisuseCode =
  | 'NotACodec'
  | 'CannotTravel'
  | 'InvalidId'
  | 'InvalidDeclaration'
  | 'TwoProtocolsOfOneName'
  | 'KindNotInTree'
  | 'NodeMessageToRemote'
  | 'WrongScope'
  | 'WrongForm'
  | 'StepReturnedPromise'
  | 'StepReturnedNothing'
  | 'StateMutated'
  | 'StateDoesNotFit'
  | 'MergeDoesNotCommute'
  | 'BadInit'
  | 'ReplyDoesNotFit'
  | 'ForeignMessage'
  | 'CallCycle'
  | 'NodeStopped'

/**
 * A broken assumption about how tumen is used. It is thrown where the mistake is made: at a declaration, by
 * the call, or in the step, which then counts as a crash of its actor.
 */
export class Misuse extends TypeError {
  override readonly name = 'Misuse'
  readonly code: MisuseCode
  /** Where the mistake is explained. */
  readonly link: string
  constructor(code: MisuseCode, sentence: string, cause?: unknown) {
    super(sentence, cause === undefined ? undefined : { cause })
    this.code = code
    this.link = errorLink(code)
  }
}

const listed = (names: readonly string[]): string => (names.length === 0 ? 'nothing' : names.join(', '))

const foreign = (code: MisuseCode, sentence: string): Misuse => {
  const copies = copiesSentence()
  return new Misuse(code, copies === '' ? sentence : `${sentence} ${copies}`)
}

/** For what no constructor of this copy of the package made. */
export const notDeclared = (expected: string): Misuse =>
  foreign('InvalidDeclaration', `Expected ${expected}.`)

/** For an entity's protocol where that of a node's own actor belongs, and the other way round. */
export const wrongScope = (kind: string, scope: 'id' | 'node', used: string): Misuse =>
  new Misuse(
    'WrongScope',
    scope === 'id'
      ? `${used} finds actors of a node, but "${kind}" is a protocol of entities: use node.ref(protocol, id).`
      : `${used} finds entities, but "${kind}" is a nodeProtocol: use node.local(protocol), or ` +
          'node.remote(nodeId, protocol) for another node.',
  )

/** For what only a node that runs has. */
export const nodeStopped = (node: string, what: string): Misuse =>
  new Misuse('NodeStopped', `Node ${node} has stopped, so it has no ${what}. Use a node that runs.`)

export const kindNotInTree = (kind: string, inTree: readonly string[]): Misuse =>
  new Misuse(
    'KindNotInTree',
    `"${kind}" is not in this node's tree, which has ${listed(inTree)}. ` +
      'Add worker(…) for it to the tree given to startNode, or speak to that of another node with ' +
      'node.remote(nodeId, protocol).',
  )

export const twoProtocols = (kind: string): Misuse =>
  new Misuse(
    'TwoProtocolsOfOneName',
    `Two protocols are named "${kind}" in one tree. ` +
      'Rename one of them, or import the same one in both places.',
  )

export const nodeMessageToRemote = (kind: string, tag: string, node: string): Misuse =>
  new Misuse(
    'NodeMessageToRemote',
    `${kind}.${tag} never leaves its node, so it cannot be sent to ${node}. ` +
      'Declare it with message(…) if it may travel, or send it to node.local(…).',
  )

export const stepReturnedPromise = (kind: string, tag: string): Misuse =>
  new Misuse(
    'StepReturnedPromise',
    `The handler ${tag} of "${kind}" returned a promise. A step decides at once: ` +
      'let an actor of the node (behavior) wait, and tell the entity what came of it.',
  )

export const stepReturnedNothing = (kind: string, tag: string): Misuse =>
  new Misuse(
    'StepReturnedNothing',
    `The handler ${tag} of "${kind}" returned no outcome. Return next, reply, refuse or putOff.`,
  )

export const stateMutated = (kind: string, id: string, tag: string, cause: unknown): Misuse =>
  new Misuse(
    'StateMutated',
    `The handler ${tag} of ${kind}/${id} changed its state or payload in place. ` +
      'Return a new state, such as next({ ...state, count: 1 }).',
    cause,
  )

export const stateDoesNotFit = (kind: string, tag: string, complaints: readonly string[]): Misuse =>
  new Misuse(
    'StateDoesNotFit',
    `After ${tag} the state of "${kind}" does not fit its codec, so no other node could take it over: ` +
      `${complaints.join('; ')}.`,
  )

export const replyDoesNotFit = (kind: string, tag: string, complaints: readonly string[]): Misuse =>
  new Misuse(
    'ReplyDoesNotFit',
    `What "${kind}" answered to ${tag} does not fit the codec in its protocol: ${complaints.join('; ')}.`,
  )

export const foreignMessage = (what: string): Misuse =>
  foreign(
    'ForeignMessage',
    `${what} was not made by a constructor of its protocol, such as Party.Invite({ … }). ` +
      'A copy made by JSON or structuredClone has lost how it is encoded: make it anew where it is sent.',
  )
