/**
 * @generated SignedSource<<c0935fcf9492d0064831ef6fd909728a>>
 * @lightSyntaxTransform
 */

/* eslint-disable */

'use strict';

var node = (function(){
var v0 = [
  {
    "defaultValue": null,
    "kind": "LocalArgument",
    "name": "input"
  }
],
v1 = [
  {
    "alias": null,
    "args": [
      {
        "kind": "Variable",
        "name": "input",
        "variableName": "input"
      }
    ],
    "concreteType": null,
    "kind": "LinkedField",
    "name": "pullResource",
    "plural": false,
    "selections": [
      {
        "alias": null,
        "args": null,
        "kind": "ScalarField",
        "name": "__typename",
        "storageKey": null
      },
      {
        "kind": "InlineFragment",
        "selections": [
          {
            "alias": null,
            "args": null,
            "kind": "ScalarField",
            "name": "message",
            "storageKey": null
          }
        ],
        "type": "Problem",
        "abstractKey": "__isProblem"
      }
    ],
    "storageKey": null
  }
];
return {
  "fragment": {
    "argumentDefinitions": (v0/*:: as any*/),
    "kind": "Fragment",
    "metadata": null,
    "name": "documentsPullMutation",
    "selections": (v1/*:: as any*/),
    "type": "Mutation",
    "abstractKey": null
  },
  "kind": "Request",
  "operation": {
    "argumentDefinitions": (v0/*:: as any*/),
    "kind": "Operation",
    "name": "documentsPullMutation",
    "selections": (v1/*:: as any*/)
  },
  "params": {
    "cacheID": "7b1f9e0b8185cca265c017887ae08db2",
    "id": null,
    "metadata": {},
    "name": "documentsPullMutation",
    "operationKind": "mutation",
    "text": "mutation documentsPullMutation(\n  $input: PullResourceInput!\n) {\n  pullResource(input: $input) {\n    __typename\n    ... on Problem {\n      __isProblem: __typename\n      message\n    }\n  }\n}\n"
  }
};
})();

node.hash = "698f0d2e857784f893c78f1587018efd";

module.exports = node;
