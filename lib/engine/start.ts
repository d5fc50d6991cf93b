/** Begins one incarnation: joins the cluster, then runs an engine until it is stopped or declared dead. */
import { createMembership, type Membership } from '../membership/membership.js'
import { Engine } from './engine.js'
import type { EngineOptions } from './options.js'

/**
 * `on.ready` brings the engine; `on.lost` says that there is none any more. The returned `stop` says nothing.
 */
export const startEngine = (
  options: EngineOptions & { readonly on: { ready(engine: Engine): void } },
): { stop(): void } => {
  const { session, clock, config, on, random } = options
  let engine: Engine | null = null
  let isReady = false
  let isOver = false
  const end = (): void => {
    isOver = true
    engine?.stop()
    membership.stop()
  }
  const membership: Membership = createMembership({
    session,
    clock,
    random,
    config,
    self: {
      name: options.name,
      roles: options.roles,
      weight: options.weight,
      // A kind of a role that this node has not is known here, for its way, and run elsewhere.
      kinds: options.kinds
        .filter(({ role }) => role === undefined || options.roles.includes(role))
        .map((kind) => kind.kind),
      release: options.release,
    },
    ...(options.membershipRules === undefined ? {} : { rules: options.membershipRules }),
    on: {
      joined: (me) => {
        engine = new Engine(options, membership, me)
        engine.listen(() => membership.setReady())
      },
      changed: (view, gone) => {
        engine?.membersChanged(gone)
        on.changed(view)
        if (engine === null || isReady || view.members.get(engine.me)?.status !== 'ready') return
        isReady = true
        on.ready(engine)
      },
      lost: (why) => {
        if (isOver) return
        end()
        on.lost(why)
      },
      frozen: (isFrozen) => {
        on.frozen(isFrozen)
        engine?.frozen()
      },
    },
  })
  return {
    stop: () => {
      if (!isOver) end()
    },
  }
}
