/**
 * An actor that each node of the launcher has, so that an observer can speak with it over the cluster
 * itself.
 */
import * as t from 'io-ts'
import { behavior, message, nodeProtocol, type Ref, refuse, reply, type TumenNode } from '../lib/index.js'
import type { Json } from '../supervisors/launched.js'
import { Plain, sentenceOf } from './plain.js'

const Sorry = t.type({ sentence: t.string, exitCode: t.number })

/** Arguments and values travel as JSON texts: what they are depends on the verb. */
export const Launcher = nodeProtocol('tumen-launcher', {
  Perform: message({ verb: t.string, argument: t.string }).replies(t.string).refuses(Sorry),
})

/** Does what it is asked on its own node. */
export const launcherActor = (perform: (node: TumenNode, verb: string, argument: Json) => Promise<Json>) =>
  behavior(Launcher, {
    init: () => null,
    on: {
      Perform: async (state, { verb, argument }, self) => {
        try {
          return reply(state, JSON.stringify(await perform(self.node, verb, JSON.parse(argument) as Json)))
        } catch (error) {
          return refuse({
            sentence: sentenceOf(error),
            exitCode: error instanceof Plain ? error.exitCode : 1,
          })
        }
      },
    },
  })

/** What the answer to a rebalance may take. */
const rebalanceMsMax = 60_000

/** Asks another node's launcher. */
export const performRemotely = async (
  launcher: Ref<'tumen-launcher'>,
  verb: string,
  argument: Json,
): Promise<Json> => {
  try {
    const text = await launcher.ask(
      Launcher.Perform({ verb, argument: JSON.stringify(argument) }),
      verb === 'rebalance' ? { timeoutMs: rebalanceMsMax } : {},
    )
    return JSON.parse(text) as Json
  } catch (error) {
    const sorry = (error as { reason?: { tag?: string; refusal?: unknown } }).reason
    if (sorry?.tag !== 'Refused' || !Sorry.is(sorry.refusal)) throw error
    throw new Plain(sorry.refusal.sentence, sorry.refusal.exitCode)
  }
}
