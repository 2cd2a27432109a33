// Beside the name of an operation stands the scope that an API key must have for it.
const withScopes = (contract) => {
  for (const path of Object.values(contract.paths)) {
    for (const operation of Object.values(path)) {
      const scope = operation["x-scope"];
      if (scope) operation["x-badges"] = [{ name: `scope ${scope}`, position: "after" }];
    }
  }
  return contract;
};
