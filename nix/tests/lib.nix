# SPDX-License-Identifier: Apache-2.0
# What the module and the package use of nixpkgs' library, for machines without nixpkgs: options, their types, mkIf,
# mkMerge, priorities, imports and aliases. What is not defined, not declared, of another type or defined twice is an
# error, as it is there. There is less of everything: no submodules by function, no order, no declaration in two places.
let
  inherit (builtins) all attrNames concatLists concatStringsSep filter foldl' head isAttrs isBool isFunction isInt isList
    isPath isString listToAttrs map mapAttrs match replaceStrings stringLength substring tail;

  nameValue = name: value: { inherit name value; };
  optional = condition: value: if condition then [ value ] else [ ];
  unique = foldl' (seen: value: if builtins.elem value seen then seen else seen ++ [ value ]) [ ];
  show = concatStringsSep ".";
  isType = type: value: isAttrs value && value._type or "" == type;

  mkIf = condition: content: { _type = "if"; inherit condition content; };
  mkMerge = contents: { _type = "merge"; inherit contents; };
  mkOverride = priority: content: { _type = "override"; inherit priority content; };

  # Definitions as plain values: [ { priority; value; } ].
  discharge = value:
    if isType "merge" value then concatLists (map discharge value.contents)
    else if isType "if" value then (if value.condition then discharge value.content else [ ])
    else if isType "override" value then map (one: one // { inherit (value) priority; }) (discharge value.content)
    else [{ priority = 100; inherit value; }];

  strongest = definitions:
    let lowest = foldl' (least: one: if one.priority < least then one.priority else least) 10000 definitions;
    in map (one: one.value) (filter (one: one.priority == lowest) definitions);

  # Attributes below properties, which stay closed: a condition may depend on what they define.
  pushDown = value:
    if isType "merge" value then concatLists (map pushDown value.contents)
    else if isType "if" value then map (mapAttrs (_: mkIf value.condition)) (pushDown value.content)
    else if isType "override" value then map (mapAttrs (_: mkOverride value.priority)) (pushDown value.content)
    else if isAttrs value then [ value ]
    else throw "a set of options is defined as ${builtins.typeOf value}";

  byName = values: listToAttrs (map (name: nameValue name (map (one: one.${name}) (filter (one: one ? ${name}) values)))
    (unique (concatLists (map attrNames values))));

  # --- Types: check one definition, merge several ---

  scalar = name: check: {
    inherit name check;
    merge = path: values:
      if all (value: value == head values) values then head values
      else throw "The option `${show path}' has conflicting definitions.";
  };
  checked = type: path: values: map
    (value: if type.check value then value else
    throw "A definition for option `${show path}' is not of type `${type.name}'.")
    values;
  mergeAs = type: path: definitions:
    type.merge path (checked type path (strongest (concatLists (map discharge definitions))));

  types = {
    bool = scalar "boolean" isBool;
    int = scalar "signed integer" isInt;
    str = scalar "string" isString;
    lines = scalar "strings concatenated with \"\\n\"" isString // { merge = _: concatStringsSep "\n"; };
    path = scalar "absolute path" (value: isPath value || isDerivation value || isString value && substring 0 1 value == "/");
    package = scalar "package" isDerivation;
    unspecified = scalar "anything" (_: true);
    nullOr = type: {
      name = "null or ${type.name}";
      check = value: value == null || type.check value;
      merge = path: values: if all (value: value == null) values then null else type.merge path values;
    };
    listOf = type: {
      name = "list of ${type.name}";
      check = value: isList value && all type.check value;
      merge = _: concatLists;
    };
    attrsOf = type: {
      name = "attribute set of ${type.name}";
      check = isAttrs;
      merge = path: values: mapAttrs (name: mergeAs type (path ++ [ name ])) (byName (concatLists (map pushDown values)));
    };
    submodule = options: {
      name = "submodule";
      check = isAttrs;
      merge = path: values: evaluate path options (concatLists (map pushDown values));
    };
  };

  isDerivation = value: isAttrs value && value.type or "" == "derivation";

  # --- Options and modules ---

  mkOption = attributes: attributes // { _type = "option"; };

  # The values of the options in `tree` (a set of sets of options) that `definitions`, sets too, give.
  evaluate = path: tree: definitions:
    let
      given = byName definitions;
      unknown = filter (name: !(tree ? ${name})) (attrNames given);
    in
    if unknown != [ ] then throw "The option `${show (path ++ [ (head unknown) ])}' does not exist."
    else mapAttrs
      (name: below:
        let place = path ++ [ name ]; in
        if !(isType "option" below) then evaluate place below (concatLists (map pushDown (given.${name} or [ ])))
        else
          let values = strongest (concatLists (map discharge (given.${name} or [ ]))); in
          if values != [ ] then below.type.merge place (checked below.type place values)
          else if below ? default then head (checked below.type place [ below.default ])
          else throw "The option `${show place}' is used but not defined.")
      tree;

  merged = left: right:
    if isType "option" left || isType "option" right then throw "an option is declared twice"
    else left // mapAttrs (name: value: if left ? ${name} then merged left.${name} value else value) right;

  attrAt = path: value: if path == [ ] then value else { ${head path} = attrAt (tail path) value; };
  definedAt = path: sets:
    let found = (byName sets).${head path} or [ ]; in
    if tail path == [ ] then found else definedAt (tail path) (concatLists (map pushDown found));

  evalModules = { modules, specialArgs ? { } }:
    let
      arguments = specialArgs // { inherit lib config; };
      load = module:
        let
          content = if isPath module || isString module then import module else module;
          called = if isFunction content then content arguments else content;
          isLong = called ? options || called ? config;
          unknown = removeAttrs called [ "imports" "options" "config" "meta" "alias" ];
          own =
            if !isLong && !(called ? alias) then { options = { }; config = removeAttrs called [ "imports" ]; }
            else if unknown != { } then throw "a module has both options or config and ${head (attrNames unknown)}"
            else { options = called.options or { }; config = called.config or { }; };
        in
        [ (own // { alias = called.alias or null; }) ] ++ concatLists (map load (called.imports or [ ]));
      all' = concatLists (map load modules);
      plain = filter (module: module.alias == null) all';
      aliases = map (module: module.alias) (filter (module: module.alias != null) all');
      options = foldl' merged { } (map (module: module.options) plain
        ++ map (alias: attrAt alias.from (mkOption { type = types.unspecified; default = null; })) aliases);
      written = concatLists (map (module: pushDown module.config) plain);
      # What is defined under an alias is defined under the other name.
      definitions = written ++ map (alias: attrAt alias.to (mkMerge (definedAt alias.from written))) aliases;
      config = evaluate [ ] options definitions;
    in
    { inherit config options; };

  lib = rec {
    inherit evalModules mkIf mkMerge mkOption mkOverride types optional unique foldl' isDerivation;
    mkDefault = mkOverride 1000;
    mkForce = mkOverride 50;
    mkEnableOption = what: mkOption { type = types.bool; default = false; description = "Whether to enable ${what}."; };
    mkAliasOptionModule = from: to: { alias = { inherit from to; }; };
    literalExpression = text: { _type = "literalExpression"; inherit text; };
    optionals = condition: values: if condition then values else [ ];
    optionalString = condition: text: if condition then text else "";
    optionalAttrs = condition: attributes: if condition then attributes else { };
    inherit concatStringsSep;
    concatMapStrings = function: values: concatStringsSep "" (map function values);
    mapAttrsToList = function: attributes: map (name: function name attributes.${name}) (attrNames attributes);
    genAttrs = names: function: listToAttrs (map (name: nameValue name (function name)) names);
    hasPrefix = prefix: text: substring 0 (stringLength prefix) text == prefix;
    removePrefix = prefix: text: if hasPrefix prefix text then substring (stringLength prefix) (-1) text else text;
    hasSuffix = suffix: text:
      let rest = stringLength text - stringLength suffix; in rest >= 0 && substring rest (-1) text == suffix;
    removeSuffix = suffix: text:
      if hasSuffix suffix text then substring 0 (stringLength text - stringLength suffix) text else text;
    hasInfix = infix: text: replaceStrings [ infix ] [ "" ] text != text;
    escapeShellArg = value:
      if match "[[:alnum:],._+:@%/=-]+" value != null then value
      else "'${replaceStrings [ "'" ] [ "'\\''" ] value}'";
    toInt = builtins.fromJSON;
    licenses.asl20 = { spdxId = "Apache-2.0"; };
    sourceTypes.binaryNativeCode = { shortName = "binaryNativeCode"; };
  };
in
lib
