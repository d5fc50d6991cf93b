/** The declarations as the runtime reads them. Not part of the public edge. */
export { foreignTimer, notAnAction } from './action-misuse.js'
export { type Action, actionData, type AddressData } from './act.js'
export { behaviorData, type BehaviorData } from './behavior.js'
export {
  childData,
  dynamicChild,
  type ChildData,
  type DynamicData,
  type EntitiesData,
  type SingletonData,
  type SupervisorData,
  type WorkerData,
} from './child-data.js'
export { singletonId } from './child-spec.js'
export { deepFreeze, freezing, holdFreezing } from './diagnostics.js'
export { entityId } from './id.js'
export { kindData, type KindData } from './kind.js'
export { madeBy, specIn, specOfMessage, type MessageData } from './maker.js'
export {
  foreignMessage,
  kindNotInTree,
  nodeMessageToRemote,
  nodeStopped,
  stateMutated,
  stepReturnedNothing,
  stepReturnedPromise,
  wrongScope,
} from './misuse.js'
export { noActions, outcomeData, type OutcomeData } from './outcome.js'
export { withoutInit } from './released.js'
export { checkOneProtocolPerName, dataOf, specOf } from './protocol-data.js'
export { sourceData } from './source.js'
export * from './spec.js'
export { ignore, InfoData, initMisuse, supervisorInitMisuse } from './starting.js'
export { topicData, type TopicData } from './topic.js'
