"""What is said: pools of French phrases by side, family and subfamily, and what all have in common.

Each noun phrase carries its article, each action is an infinitive, so that any of them fits any
sentence of `grammar` without agreement.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Pool:
    """Phrases by what they do in a sentence."""

    causes: tuple[str, ...]  # what is defended
    ills: tuple[str, ...]  # what is opposed
    actions: tuple[str, ...]  # what must be done


def _pool(causes: str, ills: str, actions: str) -> Pool:
    return Pool(_phrases(causes), _phrases(ills), _phrases(actions))


def _phrases(text: str) -> tuple[str, ...]:
    return tuple(phrase.strip() for phrase in text.split(";"))


COMMON = _pool(
    "le pouvoir d'achat; la santé de tous; l'avenir de nos enfants; la ruralité; l'hôpital de"
    " proximité; le dialogue; les transports du quotidien; l'école; la démocratie locale; le"
    " logement; la jeunesse; l'emploi; la justice; la liberté; la sécurité",
    "l'indifférence; les promesses sans lendemain; la vie chère; le renoncement; les déserts"
    " médicaux; la bureaucratie; l'injustice; le mépris; l'insécurité",
    "écouter les habitants; rouvrir la maternité; réparer les routes; soutenir les communes;"
    " former les jeunes; protéger l'eau; simplifier les démarches; défendre nos services;"
    " changer de méthode; rendre des comptes",
)

SIDE_POOLS = {
    "left": _pool(
        "la solidarité; le service public; l'égalité; le progrès social; les droits nouveaux;"
        " le partage des richesses; la retraite à soixante ans",
        "les inégalités; l'austérité; la spéculation; les privatisations; les cadeaux fiscaux",
        "taxer les grandes fortunes; augmenter les salaires; accueillir dignement; renforcer les"
        " services publics; encadrer les loyers",
    ),
    "right": _pool(
        "l'autorité; le mérite; la nation; la responsabilité; le travail bien fait; l'ordre"
        " républicain; la propriété",
        "le laxisme; l'assistanat; la dette; l'impôt confiscatoire; le désordre",
        "baisser les impôts; rétablir l'autorité; récompenser l'effort; maîtriser les dépenses;"
        " soutenir nos forces de l'ordre",
    ),
}

FAMILY_POOLS = {
    "far_left": _pool(
        "la grève générale; les travailleuses et les travailleurs; la lutte des classes;"
        " l'internationalisme; la rupture avec le capitalisme",
        "le patronat; la classe dominante; l'exploitation; les licenciements boursiers",
        "bloquer la production; construire le rapport de force; occuper les lieux de travail;"
        " renverser le système",
    ),
    "left": _pool(
        "la République sociale; la transition juste; la fraternité; la culture pour tous;"
        " l'Europe sociale",
        "la précarité; le dérèglement climatique; la casse sociale; la droite au pouvoir",
        "investir dans l'école publique; rénover les logements; rassembler la gauche; planifier"
        " la transition",
    ),
    "center": _pool(
        "le compromis; la modération; les territoires; la réforme apaisée; l'équilibre des"
        " comptes; l'Europe; la société civile",
        "les extrêmes; les caricatures; la surenchère; les blocages",
        "chercher un accord; évaluer les politiques; dépasser les clivages; concilier économie et"
        " solidarité; expérimenter localement",
    ),
    "right": _pool(
        "la liberté d'entreprendre; la famille; l'excellence; les classes moyennes; la réforme"
        " de l'État",
        "la pression fiscale; les normes inutiles; le déclin; l'égalitarisme",
        "libérer les énergies; réduire la dépense publique; défendre les artisans; restaurer"
        " l'école du mérite",
    ),
    "far_right": _pool(
        "la souveraineté; nos frontières; la priorité nationale; le peuple de France; notre"
        " identité",
        "le mondialisme; les technocrates; l'ensauvagement; les élites hors-sol",
        "reprendre le contrôle; fermer les frontières; rendre la parole au peuple; sortir des"
        " traités",
    ),
}

SUBFAMILY_POOLS = {
    "revolutionary": _pool(
        "le comité de grève; le contrôle ouvrier; la caisse de solidarité; le parti des ouvriers",
        "les actionnaires; les cadences infernales; la bourgeoisie",
        "exproprier les banques; interdire les licenciements; organiser les ouvriers",
    ),
    "libertarian": _pool(
        "l'autogestion; l'assemblée populaire; l'entraide; la commune autonome",
        "l'État policier; la hiérarchie; la surveillance",
        "ouvrir des squats; fédérer les collectifs; désobéir ensemble",
    ),
    "social_democrat": _pool(
        "la négociation collective; la sécurité sociale; la mixité sociale; le paritarisme",
        "l'ubérisation; la sélection à l'université; les niches fiscales",
        "créer un bouclier social; revaloriser les enseignants; relancer l'ascenseur social",
    ),
    "ecologist": _pool(
        "la biodiversité; l'agriculture paysanne; la sobriété; les énergies renouvelables",
        "les pesticides; le bétonnage; les énergies fossiles",
        "sortir du nucléaire; planter des haies; manger local et bio",
    ),
    "center": _pool(
        "la concertation; le bon sens; la proximité; le juste milieu",
        "le sectarisme; l'immobilisme; les postures",
        "réunir une conférence; signer un pacte; avancer pas à pas",
    ),
    "liberal": _pool(
        "l'initiative privée; le libre-échange; la concurrence; l'innovation",
        "les charges sociales; les monopoles publics; la paperasse",
        "privatiser les participations; assouplir le code du travail; ouvrir le marché",
    ),
    "conservative": _pool(
        "la transmission; le patrimoine; la filiation; l'enseignement libre",
        "le relativisme; la déconstruction; les réformes sociétales",
        "protéger la famille; restaurer les clochers; enseigner l'histoire",
    ),
    "sovereignist": _pool(
        "le référendum; l'indépendance; la monnaie nationale; le protectionnisme",
        "les traités européens; la Commission; les délocalisations",
        "dénoncer les accords; produire chez nous; consulter par référendum",
    ),
    "identitarian": _pool(
        "les racines; la civilisation; nos coutumes; l'héritage des anciens",
        "le déracinement; le communautarisme; la repentance",
        "défendre nos villages; célébrer nos fêtes; honorer nos anciens",
    ),
}

PEOPLE = _phrases(
    "les habitants; les familles; les salariés; les retraités; les étudiants; les agriculteurs;"
    " les commerçants; les soignants; les bénévoles; les élus; les usagers; les locataires"
)
MATTERS = _phrases(
    "le budget de la commune; la rentrée scolaire; la ligne de chemin de fer; le plan local"
    " d'urbanisme; la fermeture du bureau de poste; le marché couvert; la réforme des retraites;"
    " le prix de l'énergie; la sécheresse; la loi de finances; le centre hospitalier; la zone"
    " commerciale; la fibre; la gestion des déchets; le stade; la cantine; la gendarmerie;"
    " la piscine intercommunale; l'éolien; le canal; la rocade; la maison de retraite"
)
TIMES = _phrases(
    "ce samedi; lundi soir; ce jeudi; cette semaine; à la rentrée; au printemps; dès"
    " l'automne; avant la fin du mois; mardi prochain; chaque année; en juin; en mars"
)
